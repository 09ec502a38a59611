"""What the tests of the server share."""

import shutil

import pytest


@pytest.fixture(scope="session")
def new_file(tmp_path_factory):
    """A database as it is when it was just made, to be copied: making one takes longer than most tests."""
    from operating import make_file

    path = tmp_path_factory.mktemp("new") / "runtime.db"
    make_file(path)
    return path


@pytest.fixture
def runtime(tmp_path, clock, new_file):
    """The operations on a file of their own."""
    from operating import Runtime

    path = tmp_path / "runtime.db"
    shutil.copy(new_file, path)
    runtime = Runtime(path, clock)
    yield runtime
    runtime.database.close()


@pytest.fixture
def shell(tmp_path, new_file):
    """A command line with a file of its own."""
    from commanding import Shell

    path = tmp_path / "runtime.db"
    shutil.copy(new_file, path)
    return Shell(path)


@pytest.fixture
def shift(shell, tmp_path):
    """A command line with agents."""
    from working import Shift

    shift = Shift(shell, tmp_path)
    yield shift
    shift.end()
