"""What every suite shares: a real database, a clock that tests advance, and the guard over all SQL that runs."""

from collections.abc import Callable, Iterator
from pathlib import Path

import apsw
import pytest

from fake_clock import FakeClock
from sql_forms import refuse_what_one_engine_alone_takes


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture(autouse=True, scope="session")
def _every_connection_is_watched() -> Iterator[None]:
    def watch(connection: apsw.Connection) -> None:
        connection.exec_trace = lambda _cursor, sql, _bindings: refuse_what_one_engine_alone_takes(sql)

    apsw.connection_hooks.append(watch)
    yield
    apsw.connection_hooks.remove(watch)


@pytest.fixture
def connect(tmp_path: Path) -> Iterator[Callable[[], apsw.Connection]]:
    """Open further connections to one file, as other processes would."""
    opened: list[apsw.Connection] = []

    def open_file() -> apsw.Connection:
        connection = apsw.Connection(str(tmp_path / "test.db"))
        connection.transaction_mode = "IMMEDIATE"
        connection.set_busy_timeout(10_000)
        connection.pragma("journal_mode", "WAL")
        connection.pragma("foreign_keys", True)
        opened.append(connection)
        return connection

    yield open_file
    for connection in opened:
        connection.close()


@pytest.fixture
def connection() -> Iterator[apsw.Connection]:
    """A database in memory, as a library is handed one."""
    connection = apsw.Connection(":memory:")
    connection.transaction_mode = "IMMEDIATE"
    connection.pragma("foreign_keys", True)
    yield connection
    connection.close()
