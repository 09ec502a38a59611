"""Which file a call is about: real folders, real repositories."""

import os
import subprocess
from pathlib import Path

import pytest

from agent_runtime_mcp.database.location import Location, init_location, locate
from agent_runtime_mcp.errors import StorageFailure


@pytest.fixture(autouse=True)
def data_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    return tmp_path / "data" / "agent-runtime"


def git(folder: Path, *arguments: str) -> None:
    environment = {**os.environ, "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_SYSTEM": os.devnull}
    author = ["-c", "user.name=a", "-c", "user.email=a@example.org", "-c", "protocol.file.allow=always"]
    subprocess.run(["git", *author, *arguments], cwd=folder, env=environment, check=True, capture_output=True)


def repository(folder: Path) -> Path:
    folder.mkdir(parents=True)
    git(folder, "init", "--quiet")
    git(folder, "commit", "--quiet", "--allow-empty", "--message", "first")
    return folder


def put_database(folder: Path) -> Path:
    path = folder / ".agent-runtime" / "runtime.db"
    path.parent.mkdir()
    path.touch()
    return path


def test_the_path_asked_for_comes_first(tmp_path: Path) -> None:
    put_database(tmp_path)
    found = locate("sub/my.db", {"AGENT_RUNTIME_DB": "/elsewhere.db"}, tmp_path)
    assert found == Location(tmp_path / "sub" / "my.db", "--db", default_folder=False)


@pytest.mark.parametrize("explicit", ["", "  "])
def test_an_empty_path_is_refused_as_a_variable_of_a_script_may_be_unset(tmp_path: Path, explicit: str) -> None:
    with pytest.raises(StorageFailure, match="--db is empty"):
        locate(explicit, {}, tmp_path)


def test_the_environment_comes_second_with_the_name_of_today_before_the_earlier_one(tmp_path: Path) -> None:
    put_database(tmp_path)
    both = {"AGENT_RUNTIME_DB": "one.db", "AGENT_RUNTIME_DB_PATH": "/two.db"}
    assert locate(None, both, tmp_path) == Location(tmp_path / "one.db", "AGENT_RUNTIME_DB", default_folder=False)
    earlier = {"AGENT_RUNTIME_DB": "", "AGENT_RUNTIME_DB_PATH": "/two.db"}
    assert locate(None, earlier, tmp_path) == Location(Path("/two.db"), "AGENT_RUNTIME_DB_PATH", default_folder=False)


def test_a_tilde_means_the_home_folder_where_no_shell_has_seen_it(tmp_path: Path) -> None:
    assert locate(None, {"AGENT_RUNTIME_DB": "~/x.db"}, tmp_path).path == tmp_path / "home" / "x.db"
    assert locate("~/x.db", {}, tmp_path).path == tmp_path / "home" / "x.db"


def test_the_nearest_one_upward_comes_third(tmp_path: Path) -> None:
    put_database(tmp_path)
    nearer = put_database(repository(tmp_path / "outer"))
    deep = tmp_path / "outer" / "src" / "deep"
    deep.mkdir(parents=True)
    assert locate(None, {}, deep) == Location(nearer, f"found from {deep} upward", default_folder=True)


def test_upward_starts_from_the_directory_of_the_session(tmp_path: Path) -> None:
    expected = put_database(repository(tmp_path / "project"))
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    assert locate(None, {"CLAUDE_PROJECT_DIR": str(tmp_path / "project")}, elsewhere).path == expected


def test_a_session_directory_that_is_not_there_counts_for_nothing(tmp_path: Path) -> None:
    expected = put_database(tmp_path)
    assert locate(None, {"CLAUDE_PROJECT_DIR": str(tmp_path / "missing")}, tmp_path).path == expected


def test_a_file_that_another_user_left_above_is_not_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    planted = put_database(tmp_path)
    project = repository(tmp_path / "project")
    monkeypatch.setattr(os, "geteuid", lambda: planted.stat().st_uid + 4711)
    if planted.stat().st_uid == 0:  # what root owns is trusted
        assert locate(None, {}, project).path == planted
        os.chown(planted, 1, 1)
    assert locate(None, {}, project).path != planted


def test_work_trees_share_the_one_of_their_repository(tmp_path: Path) -> None:
    main = repository(tmp_path / "main")
    shared = put_database(main)
    git(main, "worktree", "add", "--quiet", str(tmp_path / "beside"))
    git(main, "worktree", "add", "--quiet", str(main / ".claude" / "worktrees" / "inside"))
    (tmp_path / "beside" / "src").mkdir()
    for folder in (main, tmp_path / "beside" / "src", main / ".claude" / "worktrees" / "inside"):
        assert locate(None, {}, folder).path == shared


def test_work_trees_of_a_bare_repository_share_the_one_beside_it(tmp_path: Path) -> None:
    main = repository(tmp_path / "main")
    git(tmp_path, "clone", "--quiet", "--bare", str(main), str(tmp_path / "project" / ".bare"))
    git(tmp_path / "project" / ".bare", "worktree", "add", "--quiet", str(tmp_path / "feature"))
    shared = put_database(tmp_path / "project")
    assert locate(None, {}, tmp_path / "feature").path == shared


def test_what_is_checked_out_in_a_work_tree_does_not_hide_the_shared_one(tmp_path: Path) -> None:
    main = repository(tmp_path / "main")
    shared = put_database(main)
    git(main, "worktree", "add", "--quiet", str(tmp_path / "beside"))
    put_database(tmp_path / "beside")
    assert locate(None, {}, tmp_path / "beside").path == shared


def test_a_submodule_is_a_project_of_its_own_below_the_outer_one(tmp_path: Path) -> None:
    library = repository(tmp_path / "library")
    outer = repository(tmp_path / "outer")
    git(outer, "submodule", "--quiet", "add", str(library), "vendored")
    assert init_location(outer / "vendored").path == outer / "vendored" / ".agent-runtime" / "runtime.db"
    of_outer = put_database(outer)
    assert locate(None, {}, outer / "vendored").path == of_outer


def test_a_project_without_a_file_has_one_in_the_users_data(tmp_path: Path, data_folder: Path) -> None:
    project = repository(tmp_path / "Mein Projekt")
    (project / "src").mkdir()
    found = locate(None, {}, project / "src")
    assert found.reason == f"of the project {project}"
    assert found.default_folder
    assert found.path.parent == data_folder / "projects"
    assert found.path.name.startswith("Mein-Projekt-")
    assert found.path.suffix == ".db"


def test_no_two_projects_share_a_file_and_all_folders_of_one_do(tmp_path: Path) -> None:
    one = repository(tmp_path / "a" / "api")
    other = repository(tmp_path / "b" / "api")
    git(one, "worktree", "add", "--quiet", str(tmp_path / "beside"))
    (tmp_path / "link").symlink_to(one)
    expected = locate(None, {}, one).path
    assert locate(None, {}, other).path != expected
    assert locate(None, {}, tmp_path / "beside").path == expected
    assert locate(None, {}, tmp_path / "link").path == expected
    assert locate(None, {"CLAUDE_PROJECT_DIR": str(one)}, tmp_path).path == expected


def test_bare_repositories_in_one_folder_have_a_file_each(tmp_path: Path) -> None:
    main = repository(tmp_path / "main")
    found = set()
    for name in ("a", "b"):
        git(tmp_path, "clone", "--quiet", "--bare", str(main), str(tmp_path / f"{name}.git"))
        git(tmp_path / f"{name}.git", "worktree", "add", "--quiet", str(tmp_path / "trees" / name))
        found.add(locate(None, {}, tmp_path / "trees" / name).path)
    assert len(found) == 2


def test_a_session_outside_of_any_repository_is_a_project_too(tmp_path: Path, data_folder: Path) -> None:
    folder = tmp_path / "notes"
    folder.mkdir()
    found = locate(None, {"CLAUDE_PROJECT_DIR": str(folder)}, tmp_path)
    assert found.path.parent == data_folder / "projects"
    assert found.reason == f"of the project {folder}"


def test_without_a_project_there_is_one_file_for_the_user(tmp_path: Path, data_folder: Path) -> None:
    found = locate(None, {}, tmp_path)
    assert found == Location(
        data_folder / "runtime.db", f"the user's own, as {tmp_path} is in no project", default_folder=True
    )


def test_init_puts_the_file_where_all_work_trees_find_it(tmp_path: Path) -> None:
    main = repository(tmp_path / "main")
    git(main, "worktree", "add", "--quiet", str(tmp_path / "beside"))
    (main / "src").mkdir()
    expected = main / ".agent-runtime" / "runtime.db"
    for folder in (main / "src", tmp_path / "beside"):
        found = init_location(folder)
        assert found == Location(expected, f"for {main} and everything below it", default_folder=True)
        expected.parent.mkdir(exist_ok=True)
        expected.touch()
        assert locate(None, {}, folder).path == expected
        expected.unlink()


def test_init_outside_of_a_repository_puts_the_file_here(tmp_path: Path) -> None:
    assert init_location(tmp_path).path == tmp_path / ".agent-runtime" / "runtime.db"


def test_a_git_file_of_another_kind_is_no_repository(tmp_path: Path, data_folder: Path) -> None:
    (tmp_path / ".git").write_bytes(b"\xff\xfe nothing that git wrote")
    assert locate(None, {}, tmp_path).path == data_folder / "runtime.db"


def test_what_init_makes_is_kept_out_of_git_and_its_choice_is_respected(tmp_path, monkeypatch):
    from click.testing import CliRunner

    from agent_runtime_mcp.cli.root import root

    monkeypatch.chdir(tmp_path)
    ignore = tmp_path / ".agent-runtime" / ".gitignore"
    assert CliRunner().invoke(root(), ["init"]).exit_code == 0
    assert ignore.read_text(encoding="utf-8") == "*\n"
    ignore.write_text("*.db-wal\n", encoding="utf-8")
    assert CliRunner().invoke(root(), ["init"]).exit_code == 0
    assert ignore.read_text(encoding="utf-8") == "*.db-wal\n"
