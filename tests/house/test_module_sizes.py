"""A module has one subject: past 350 lines it has two, or a reason that stands here."""

from checkout import ROOT

LARGEST = 350
LONGER = {
    "packages/breakers/src/agent_runtime_breakers/_breakers.py": (
        "The library's public class: its methods decide nothing, and nearly half of the lines are what they document."
    ),
    "packages/goals/src/agent_runtime_goals/_goals.py": (
        "The library's public class, with the few statements that each of its methods runs."
    ),
    "packages/relay/src/agent_runtime_relay/_relays.py": (
        "The library's public class: its methods decide nothing, and over a third of the lines are what they document."
    ),
    "packages/server/src/agent_runtime_mcp/operations/tasks.py": (
        "A function for each tool on tasks, whose signatures and docstrings are the tools' schemas and descriptions."
    ),
    "packages/tasks/src/agent_runtime_tasks/_tasks.py": (
        "The library's public class: its methods decide nothing, and a third of the lines are what they document."
    ),
}


def long_modules():
    modules = (ROOT / "packages").glob("*/src/**/*.py")
    lines = {path.relative_to(ROOT).as_posix(): len(path.read_text(encoding="utf-8").splitlines()) for path in modules}
    assert len(lines) > 10
    return {name for name, count in lines.items() if count > LARGEST}


def test_no_module_is_too_long_without_a_reason():
    assert long_modules() - set(LONGER) == set()


def test_no_reason_outlives_its_module():
    assert set(LONGER) - long_modules() == set()
    assert all(reason.endswith(".") and len(reason.split()) > 5 for reason in LONGER.values())
