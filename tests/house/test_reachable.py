"""Every public method of the libraries is reached by an operation, or stands here with the reason why not."""

import ast
import inspect
import textwrap
import typing

from agent_runtime_mcp._call import Libraries
from agent_runtime_mcp._operations import OPERATIONS

NOT_OPERATIONS = {
    ("goals", "migrate"): "runs when a file is opened",
    ("goals", "counts"): "serves those who use the library alone; list_goals has the total of a status",
    ("goals", "ancestors"): "serves those who use the library alone; get_goal names the parent",
    ("tasks", "migrate"): "runs when a file is opened",
    ("tasks", "is_current"): "asked before a stored reply with a claim token is given again",
    ("tasks", "renew_all"): "called by a server for its session, on its own clock",
    ("tasks", "detach"): "called by a server when its session ends",
}


def library_classes():
    """Return the class of each library, by the name it has in the server."""
    hints = typing.get_type_hints(Libraries)
    own = Libraries.__module__.partition(".")[0]
    found = {name: hint for name, hint in hints.items() if hint.__module__.startswith("agent_runtime_")}
    return {name: hint for name, hint in found.items() if hint.__module__.partition(".")[0] != own}


def public_methods():
    return {
        (library, name)
        for library, owner in library_classes().items()
        for name, _ in inspect.getmembers(owner, inspect.isfunction)
        if not name.startswith("_")
    }


def reached_methods():
    """Follow each operation through the functions of the server that it calls."""
    reached = set()
    seen = set()
    waiting = [operation.definition for operation in OPERATIONS]
    while waiting:
        function = waiting.pop()
        if function in seen:
            continue
        seen.add(function)
        tree = ast.parse(textwrap.dedent(inspect.getsource(function)))
        for node in ast.walk(tree):
            if isinstance(node, ast.Attribute) and (library := library_named(node.value)):
                reached.add((library, node.attr))
            elif isinstance(node, ast.Name) and is_of_the_server(called := function.__globals__.get(node.id)):
                waiting.append(called)
    return reached


def is_of_the_server(called):
    return inspect.isfunction(called) and called.__module__.startswith("agent_runtime_mcp.")


def library_named(node):
    """Return the library that `goals` or `call.libraries.goals` stands for."""
    name = node.id if isinstance(node, ast.Name) else node.attr if isinstance(node, ast.Attribute) else None
    return name if name in library_classes() else None


def test_the_server_wires_the_libraries_together():
    assert {"goals", "tasks"} <= set(library_classes())


def test_every_public_method_is_reached_or_excluded_with_a_reason():
    assert public_methods() - reached_methods() - set(NOT_OPERATIONS) == set()


def test_no_exclusion_outlives_its_reason():
    assert set(NOT_OPERATIONS) - public_methods() == set(), "no such method"
    assert set(NOT_OPERATIONS) & reached_methods() == set(), "an operation reaches it now"
    assert all(len(reason.split()) > 3 for reason in NOT_OPERATIONS.values())
