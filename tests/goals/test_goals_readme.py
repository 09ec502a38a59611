"""The README of the goals library."""

from agent_runtime_goals import Goals
from readmes import Readme

README = Readme("goals", Goals)


def test_the_example_runs_and_prints_what_the_readme_says(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    README.check_example()


def test_the_reference_names_every_method_and_no_argument_that_there_is_not():
    README.check_reference()
