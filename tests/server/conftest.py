"""What the tests of the server share."""

import pytest


@pytest.fixture
def runtime(tmp_path, clock):
    """The operations on a file of their own."""
    from operating import Runtime

    runtime = Runtime(tmp_path / "runtime.db", clock)
    yield runtime
    runtime.database.close()
