"""What the six distributions say of themselves."""

import re

import pytest
from checkout import IMPORT_NAMES, LIBRARIES, ROOT, pyproject

RELEASE = re.compile(r"^## (\S+) \((\d{4}-\d{2}-\d{2})\)$", re.MULTILINE)
NEXT_MINOR = re.compile(r"^(\d+)\.(\d+)\.\d+$")


@pytest.mark.parametrize("part", IMPORT_NAMES)
def test_the_newest_release_of_the_changelog_is_the_version(part):
    project = pyproject(part)["project"]
    text = (ROOT / "packages" / part / "CHANGELOG.md").read_text(encoding="utf-8")
    releases = RELEASE.findall(text)
    assert text.startswith(f"# Changelog of {project['name']}\n")
    assert releases[0][0] == project["version"]
    assert [date for _, date in releases] == sorted((date for _, date in releases), reverse=True)


@pytest.mark.parametrize("part", LIBRARIES)
def test_a_library_depends_on_little(part):
    dependencies = pyproject(part)["project"]["dependencies"]
    parser = {"markdown-it-py"} if part == "tasks" else set()  # goals are written in Markdown
    assert {re.split(r"[<>=~!]", name)[0] for name in dependencies} == {
        "agent-runtime-kernel",
        "apsw",
        "attrs",
        *parser,
    }


def test_the_server_takes_compatible_minor_versions_of_its_siblings():
    dependencies = pyproject("server")["project"]["dependencies"]
    for part in LIBRARIES:
        major, minor = NEXT_MINOR.match(pyproject(part)["project"]["version"]).groups()
        extra = "[runner]" if part == "relay" else ""  # the command line runs agents
        assert f"agent-runtime-{part}{extra}>={major}.{minor},<{major}.{int(minor) + 1}" in dependencies


@pytest.mark.parametrize("part", IMPORT_NAMES)
def test_a_distribution_is_typed_and_licensed_and_has_a_readme(part):
    folder = ROOT / "packages" / part
    assert (folder / "src" / IMPORT_NAMES[part] / "py.typed").is_file()
    assert (folder / "LICENSE").read_text(encoding="utf-8") == (ROOT / "LICENSE").read_text(encoding="utf-8")
    assert (folder / "README.md").read_text(encoding="utf-8").startswith(f"# {pyproject(part)['project']['name']}\n")
