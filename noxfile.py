"""The jobs of this repository: `nox` runs what every change has to pass, `nox --list` names all of them."""

import os
import shutil
import signal
import sys
from pathlib import Path

import nox

nox.needs_version = ">=2026.8.10"

PYTHONS = ["3.11", "3.12", "3.13", "3.14"]
RUNNING = "{}.{}".format(*sys.version_info)
if RUNNING not in PYTHONS:
    PYTHONS.append(RUNNING)

EXTRAS = {"relay": "[runner]"}
LIBRARIES = ("kernel", "goals", "tasks", "relay", "breakers")
DISTRIBUTIONS = {part: f"agent_runtime_{part}" for part in LIBRARIES} | {"server": "agent_runtime_mcp"}
SUITES = {part: (f"tests/{part}",) for part in DISTRIBUTIONS} | {"tasks": ("tests/tasks", "tests/planning")}

PYTEST = ("pytest>=9.2", "hypothesis>=6.170", "sqlglot>=30.30")
SERVER_TESTS = (*PYTEST, "jsonschema>=4.26")
IMPORT_LINTER = "import-linter==2.16"
ALL_TESTS = (*SERVER_TESTS, IMPORT_LINTER)

nox.options.default_venv_backend = "venv"
nox.options.download_python = "never"
nox.options.error_on_missing_interpreters = False
nox.options.allow_parallel = True
nox.options.sessions = [
    "lint",
    "types",
    f"tests-{RUNNING}",
    *[f"libraries-{python}" for python in PYTHONS if python != RUNNING],
    "alone",
    "build",
]


@nox.session(python=PYTHONS, requires=["wheels"])
def tests(session: nox.Session) -> None:
    """Run all tests but the slow ones, the clients and the benchmarks."""
    _install(session, *DISTRIBUTIONS, tools=ALL_TESTS)
    session.run("pytest", *session.posargs)


@nox.session(python=PYTHONS, requires=["wheels"])
def libraries(session: nox.Session) -> None:
    """Run the tests of the libraries: the shorter form for further interpreters."""
    _install(session, *LIBRARIES, tools=PYTEST)
    session.run("pytest", *_suites(*LIBRARIES), *session.posargs)


@nox.session(requires=["wheels"])
@nox.parametrize("part", list(DISTRIBUTIONS))
def alone(session: nox.Session, part: str) -> None:
    """Run the tests of one distribution where only the kernel is installed beside it; the server needs all siblings."""
    suites = _suites(part)
    if not suites:
        session.error(f"{part} has no tests")
    if part == "server":
        _install(session, *DISTRIBUTIONS, tools=SERVER_TESTS)
    else:
        _install(session, *dict.fromkeys(("kernel", part)), tools=PYTEST)
    session.run("pytest", *suites, *session.posargs)


@nox.session(reuse_venv=True)
def lint(session: nox.Session) -> None:
    """Check the style of all code, and that no library imports what it must not know."""
    session.install("ruff==0.17.6", IMPORT_LINTER)
    session.run("ruff", "check")
    session.run("ruff", "format", "--check")
    sources = os.pathsep.join(str(source) for source in _sources())
    session.run("lint-imports", "--no-cache", env={"PYTHONPATH": sources})


@nox.session(reuse_venv=True, requires=["wheels"])
def types(session: nox.Session) -> None:
    """Check the types of the six distributions."""
    _install(session, *DISTRIBUTIONS, tools=("mypy==2.4.1",))
    session.run("mypy", *map(str, _sources()))


@nox.session(reuse_venv=True, default=False)
def wheels(session: nox.Session) -> None:
    """Build the six wheels that the other sessions install."""
    shutil.rmtree(_wheels(session), ignore_errors=True)
    folders = [f"./packages/{part}" for part in DISTRIBUTIONS]
    session.run("python", "-m", "pip", "wheel", "-q", "--no-deps", "--wheel-dir", str(_wheels(session)), *folders)


@nox.session(requires=["wheels"])
def build(session: nox.Session) -> None:
    """Install the wheels into an empty environment, call the server there and run the demo."""
    session.install(*map(str, _wheels(session).glob("*.whl")))
    session.run("agent-runtime", "--help", silent=True)
    database = Path(session.create_tmp(), "runtime.db")
    session.run("python", "tests/house/mcp_session.py", "agent-runtime", "serve", "--db", str(database))
    session.run("agent-runtime", "demo")


@nox.session(default=False, requires=["wheels"])
def demo(session: nox.Session) -> None:
    """Run the demo, as build does too."""
    _install(session, *DISTRIBUTIONS)
    session.run("agent-runtime", "demo")


@nox.session(default=False, requires=["wheels"])
def slow(session: nox.Session) -> None:
    """Run the tests that take minutes."""
    _install(session, *DISTRIBUTIONS, tools=ALL_TESTS)
    session.run("pytest", "-m", "slow", "--override-ini", "faulthandler_timeout=3600", *session.posargs)


@nox.session(default=False, requires=["wheels"])
def chaos(session: nox.Session) -> None:
    """Run the storms of killed processes, the long ones too; AGENT_RUNTIME_CHAOS_SEED chooses others."""
    _install(session, *DISTRIBUTIONS, tools=PYTEST)
    marks = ("-m", "slow or not slow", "--override-ini", "faulthandler_timeout=3600")
    session.run("pytest", *marks, "tests/chaos", *session.posargs)


@nox.session(default=False, requires=["wheels"])
def bench(session: nox.Session) -> None:
    """Run the benchmarks."""
    if not any(Path("tests/benchmarks").glob("test_*.py")):
        session.skip("there are no benchmarks yet")
    _install(session, *DISTRIBUTIONS, tools=(*PYTEST, "pytest-benchmark>=5.3"))
    session.run("pytest", "-p", "benchmark", "tests/benchmarks", *session.posargs)


@nox.session(default=False, requires=["wheels"])
def clients(session: nox.Session) -> None:
    """Run MCP clients that others wrote against the server; they are installed into a cache folder of the user."""
    npm = shutil.which("npm")
    if npm is None:
        session.skip("npm is not on PATH, and most clients come from there")
    _install(session, *DISTRIBUTIONS, tools=PYTEST)
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "agent-runtime-clients"
    cache.mkdir(parents=True, exist_ok=True)
    shutil.copy("tests/clients/package.json", cache)
    session.run(npm, "install", "--prefix", str(cache), "--no-audit", "--no-fund", "--silent", external=True)
    for requirement in ("amagi-mcp-probe==0.1.0", "mcp-fuzzer==0.7.0"):
        environment = cache / requirement.partition("==")[0]
        session.run("python", "-m", "venv", str(environment))
        session.run(str(environment / "bin" / "pip"), "install", "-q", requirement, external=True)
    session.run("pytest", "-m", "clients", "tests/clients", *session.posargs, env={"AGENT_RUNTIME_CLIENTS": str(cache)})


@nox.session(default=False, requires=["wheels"])
def tools(session: nox.Session) -> None:
    """Bring tests/house/tool_schemas.json and the README's tables up to date with a change that is meant."""
    _install(session, *DISTRIBUTIONS)
    session.run("python", "tests/house/tool_listing.py")


@nox.session(default=False, requires=["wheels"])
def schemas(session: nox.Session) -> None:
    """Store the tables of the present version, with rows, for tests/migrations; never those of a released one."""
    _install(session, *DISTRIBUTIONS)
    session.run("python", "tests/migrations/stored_schemas.py")


def _install(session: nox.Session, *parts: str, tools: tuple[str, ...] = ()) -> None:
    """Install distributions from the wheels of this checkout, and tools."""
    built = [str(next(_wheels(session).glob(f"{DISTRIBUTIONS[part]}-*.whl"))) for part in parts]
    session.install(*[f"{wheel}{EXTRAS.get(part, '')}" for part, wheel in zip(parts, built, strict=True)], *tools)
    # In an environment that is reused, pip keeps a wheel of the same version, however old it is.
    session.install("--force-reinstall", "--no-deps", *built)


def _wheels(session: nox.Session) -> Path:
    return session.cache_dir / "wheels"


def _sources() -> list[Path]:
    return [Path("packages", part, "src").resolve() for part in DISTRIBUTIONS]


def _suites(*parts: str) -> list[str]:
    """Name the folders of tests that distributions have."""
    return [suite for part in parts for suite in SUITES[part] if any(Path(suite).rglob("test_*.py"))]


def _offer_interpreters_of_pyenv() -> None:
    """Let nox find all interpreters that pyenv has installed, not only those that it has made active."""
    root = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv")
    installed = [path.name for python in PYTHONS for path in sorted((root / "versions").glob(f"{python}.*"))]
    if installed:
        os.environ["PYENV_ROOT"] = str(root)
        os.environ.setdefault("PYENV_VERSION", ":".join(installed))


_offer_interpreters_of_pyenv()
# A shell that runs this in the background lets all below it ignore interrupts, which tests send to servers.
signal.signal(signal.SIGINT, signal.default_int_handler)
