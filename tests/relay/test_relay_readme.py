"""The README: its example runs and prints what it says, and its reference names what there is."""

import contextlib
import inspect
import io
import re
from pathlib import Path

import pytest

from agent_runtime_relay import Relays

README = (Path(__file__).parents[2] / "packages" / "relay" / "README.md").read_text(encoding="utf-8")


def blocks(language):
    return re.findall(rf"^```{language}\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)


def test_the_examples_run_and_print_what_the_readme_says(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    examples, outputs = blocks("python"), blocks("text")
    assert len([line for line in examples[0].splitlines() if line]) <= 14
    names = {}
    for example, output in zip(examples, outputs, strict=True):
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            exec(compile(example, "README.md", "exec"), names)
        assert printed.getvalue() == output


@pytest.mark.parametrize(
    "method", [name for name, _ in inspect.getmembers(Relays, inspect.isfunction) if not name.startswith("_")]
)
def test_the_reference_names_every_public_method(method):
    assert re.search(rf"`{method}[(`]", README)


def test_the_reference_names_no_argument_that_a_method_does_not_take():
    for method, arguments in re.findall(r"`(\w+)\(([^)`]*)\)`", README):
        if hasattr(Relays, method):
            known = inspect.signature(getattr(Relays, method)).parameters
            named = {name.split("=")[0].strip() for name in arguments.split(",")} - {"", "..."}
            assert named <= set(known), method
