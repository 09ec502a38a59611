"""The example of the README runs and prints what it says."""

import contextlib
import io
import re
from pathlib import Path

README = Path(__file__).parents[2] / "packages" / "breakers" / "README.md"


def test_the_example_prints_what_the_readme_says(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    [(example, printed)] = re.findall(r"```python\n(.*?)```\n\n```text\n(.*?)```", README.read_text(), re.DOTALL)

    scope = {}
    with contextlib.redirect_stdout(io.StringIO()) as output:
        exec(compile(example, str(README), "exec"), scope)
    scope["connection"].close()

    assert output.getvalue() == printed
