"""What the benchmarks share: nothing watches their SQL, and each figure is told beside its floors."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from comparing import Beside, Figures
from floors import Transactions

from agent_runtime_mcp.database.database import Database
from agent_runtime_mcp.runtime.libraries import Libraries, all_schemas

_FIGURES = pytest.StashKey[Figures]()


def pytest_configure(config: pytest.Config) -> None:
    config.stash[_FIGURES] = Figures()


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    found = config.stash[_FIGURES].found
    if not found:
        return
    terminalreporter.section("figures beside the floors of the same run")
    width = max(len(figure.name) for figure in found)
    for figure in found:
        floors = ", ".join(f"{name} {value:.1f}" for name, value in figure.floors.items())
        bound = "at least" if figure.more_is_better else "at most"
        terminalreporter.write_line(
            f"{figure.name:{width}}  {figure.value:10.2f} {figure.unit:3}  {bound} {figure.goal} = {figure.allowed:.2f}"
            f"  {'reached' if figure.reached else 'MISSED'} ({figure.ratio:.2f})" + (f"  [{floors}]" if floors else "")
        )


@pytest.fixture(autouse=True, scope="session")
def _every_connection_is_watched() -> None:
    """Leave out what the other tests watch: it would be measured."""


@pytest.fixture(scope="session")
def figures(pytestconfig: pytest.Config) -> Figures:
    return pytestconfig.stash[_FIGURES]


@pytest.fixture
def beside(benchmark: Any, figures: Figures) -> Beside:
    return Beside(benchmark, figures)


@pytest.fixture(params=["FULL", "NORMAL"])
def synchronous(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def floor(tmp_path: Path, synchronous: str) -> Iterator[Transactions]:
    transactions = Transactions(tmp_path, synchronous)
    yield transactions
    transactions.close()


@pytest.fixture
def libraries(tmp_path: Path, synchronous: str) -> Iterator[Libraries]:
    """The four libraries on a file that is opened as the server opens it."""
    yield from opened(tmp_path / "runtime.db", synchronous)


def opened(path: Path, synchronous: str) -> Iterator[Libraries]:
    database = Database(path, Libraries, all_schemas, synchronous=synchronous)
    yield database.run_blocking(lambda libraries: libraries, writes=False)
    database.close()
