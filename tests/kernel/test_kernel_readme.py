"""The README's example runs, twice, and prints what it shows."""

from agent_runtime_kernel.schema import Schema
from readmes import Readme

README = Readme("kernel", Schema)


def test_the_example_prints_what_the_readme_shows(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    README.check_example()
    README.check_example()
