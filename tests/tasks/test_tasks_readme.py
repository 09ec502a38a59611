"""The README of the tasks library."""

from agent_runtime_tasks import Tasks
from readmes import Readme

README = Readme("tasks", Tasks)


def test_the_example_runs_and_prints_what_the_readme_says(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    README.check_example()


def test_the_reference_names_every_method_and_only_existing_arguments():
    README.check_reference()
