"""What the README of each package is held to: its example runs, and its reference names what there is."""

import contextlib
import inspect
import io
import re
from pathlib import Path

import attrs

PACKAGES = Path(__file__).parents[1] / "packages"
MOST_LINES = 14


@attrs.frozen
class Readme:
    """The README of a package, and the class that it is about."""

    package: str
    about: type

    @property
    def text(self):
        return (PACKAGES / self.package / "README.md").read_text(encoding="utf-8")

    def blocks(self, language):
        return re.findall(rf"^```{language}\n(.*?)^```$", self.text, re.MULTILINE | re.DOTALL)

    def check_example(self):
        """Run the example in the working directory, and hold what it prints against what stands below it."""
        [example], [output] = self.blocks("python"), self.blocks("text")
        assert len([line for line in example.splitlines() if line]) <= MOST_LINES
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            exec(compile(example, f"{self.package}/README.md", "exec"), {})
        assert printed.getvalue() == output

    def check_reference(self):
        """Look for each public method in the reference, and for each argument of the reference in its method."""
        methods = dict(inspect.getmembers(self.about, inspect.isfunction))
        public = {name for name in methods if not name.startswith("_")}
        assert {name for name in public if not re.search(rf"`{name}[(`]", self.text)} == set()
        for name, arguments in re.findall(r"`(\w+)\(([^)`]*)\)`", self.text):
            if name in public:
                named = {argument.split("=")[0].strip() for argument in arguments.split(",")} - {"", "..."}
                assert named - set(inspect.signature(methods[name]).parameters) == set(), name
