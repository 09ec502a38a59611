"""The map of docs/architecture.md holds: rooms with contracts, arrows that run downward, no circles."""

import ast
import re
from collections import Counter

import pytest
from checkout import ROOT, SOURCES
from rooms import circles, imports, modules, room

MOST_MODULES = 16
MOST_ARROWS = 70
# The rooms of the server from the top down; rooms of one line may import each other one way.
FLOORS = (
    ("__main__",),
    ("cli", "protocol"),
    ("application",),
    ("agents", "planner"),
    ("dispatch",),
    ("operations",),
    ("doctor", "importing"),
    ("runtime", "replies"),
    ("contract",),
    ("journal",),
    ("database",),
    ("errors",),
)
FLOOR = {name: len(FLOORS) - number for number, names in enumerate(FLOORS) for name in names}
# What a room of a library must not import.
FORBIDDEN = {
    "_rules": {"_records", "_work", "_audit"},
    "_records": {"_work", "_audit"},
    "programs": {"results", "running"},
    "results": {"running"},
}
FACES = {"_tasks", "_relays", "_breakers", "_goals"}
PLANNING = "packages/tasks/src/agent_runtime_tasks/planning"  # is to be written anew


def server_arrows():
    """Return how many modules lie behind each arrow between two rooms of the server."""
    inside = [name for name in modules() if name.startswith("agent_runtime_mcp.")]
    return Counter(
        (room(name), room(other))
        for name in inside
        for other in imports(name)
        if other.startswith("agent_runtime_mcp.") and room(name) != room(other)
    )


def test_no_modules_import_each_other_in_a_circle():
    assert len(modules()) > 100
    assert circles() == []


def test_every_room_of_the_server_has_its_floor():
    assert {room(name) for name in modules() if name.startswith("agent_runtime_mcp.")} == set(FLOOR)


def test_arrows_between_the_servers_rooms_run_downward():
    upward = {(one, other) for one, other in server_arrows() if FLOOR[one] < FLOOR[other]}
    assert upward == set()
    both_ways = {(one, other) for one, other in server_arrows() if (other, one) in server_arrows()}
    assert both_ways == set()


def test_there_are_few_arrows_between_the_servers_rooms():
    assert 30 < len(server_arrows()) <= MOST_ARROWS


def test_the_map_names_every_room_of_the_server():
    page = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    section = page.partition("### The server\n")[2].partition("\n### ")[0]
    named = set(re.findall(r"`(\w+)/?`", section))
    assert set(FLOOR) - {"__main__"} <= named


@pytest.mark.parametrize("room_name", FORBIDDEN)
def test_rooms_of_libraries_import_only_what_lies_below(room_name):
    inside = [name for name in modules() if room_name in name.split(".")[1:-1]]
    assert inside
    found = {
        (name, other)
        for name in inside
        for other in imports(name)
        if other.partition(".")[0] == name.partition(".")[0]
        and (FORBIDDEN[room_name] | FACES) & set(other.split(".")[1:])
    }
    assert found == set()


def folders():
    return sorted({path.parent for source in SOURCES.values() for path in source.rglob("*.py")})


def test_no_room_is_too_full():
    full = {
        folder.relative_to(ROOT).as_posix(): len(list(folder.glob("*.py")))
        for folder in folders()
        if len([path for path in folder.glob("*.py") if path.name != "__init__.py"]) > MOST_MODULES
    }
    assert full.keys() <= {PLANNING}


def test_every_room_states_its_contract():
    silent = []
    for folder in folders():
        tree = ast.parse((folder / "__init__.py").read_text(encoding="utf-8"))
        text = ast.get_docstring(tree) or ""
        is_room = folder not in SOURCES.values() and folder.name not in ("runner", "planning")
        if not text or (is_room and len(text.split("\n\n")) < 2):
            silent.append(folder.relative_to(ROOT).as_posix())
    assert silent == []
