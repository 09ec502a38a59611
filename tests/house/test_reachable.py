"""Every public method of the libraries is reached by an operation, or stands here with the reason why not."""

import ast
import inspect
import textwrap
from contextlib import nullcontext
from functools import cache

import apsw

from agent_runtime_mcp.operations.table import table
from agent_runtime_mcp.runtime.libraries import Libraries, all_schemas

OPENS = "runs when a file is opened"
OF_A_RUNNER = "is for programs that run the agents of a pipeline; an agent over MCP hands in what it made"
OF_A_SERVER = "is called by a server for the claims of its session, while it lives and when it ends"
OF_A_PERSON = "is for a person, who decides what becomes of a result that came too late"
OF_THE_DOCTOR = "is called by the command doctor, which no agent is offered"
NOT_OPERATIONS = {
    ("breakers", "advice"): "is asked by relays, whose attempts take no permit before they begin",
    ("breakers", "audit"): OF_THE_DOCTOR,
    ("breakers", "is_current"): "is asked by the server before it repeats a stored reply",
    ("breakers", "guard"): "is a decorator and context manager, for programs in Python",
    ("breakers", "history"): "is for audits in Python; circuit_breaker_status shows the recent failures",
    ("breakers", "migrate"): OPENS,
    ("breakers", "rebuild"): OF_THE_DOCTOR,
    ("breakers", "note"): "is called by relays, which report an outcome and ask for no answer",
    ("breakers", "settle"): "does by a word what three operations do by their names",
    ("goals", "ancestors"): "is for programs in Python; get_goal names the parent",
    ("goals", "audit"): OF_THE_DOCTOR,
    ("goals", "counts"): "is for programs in Python; list_goals answers the total of a status",
    ("goals", "migrate"): OPENS,
    ("goals", "rebuild"): OF_THE_DOCTOR,
    ("relays", "adopt_output"): OF_A_PERSON,
    ("relays", "audit"): OF_THE_DOCTOR,
    ("relays", "configure"): OF_A_RUNNER,
    ("relays", "detach"): OF_A_SERVER,
    ("relays", "fail_attempt"): OF_A_RUNNER,
    ("relays", "full_output"): OF_A_RUNNER,
    ("relays", "has_issued"): OF_A_RUNNER,
    ("relays", "migrate"): OPENS,
    ("relays", "orphans"): OF_A_PERSON,
    ("relays", "rebuild"): OF_THE_DOCTOR,
    ("relays", "release"): OF_A_RUNNER,
    ("relays", "renew"): OF_A_RUNNER,
    ("relays", "renew_due"): OF_A_SERVER,
    ("tasks", "audit"): OF_THE_DOCTOR,
    ("tasks", "detach"): OF_A_SERVER,
    ("tasks", "migrate"): OPENS,
    ("tasks", "rebuild"): OF_THE_DOCTOR,
    ("tasks", "renew_due"): OF_A_SERVER,
}


@cache
def library_classes():
    """Return the class of each library, by the name it has in the server."""
    connection = apsw.Connection(":memory:")
    for schema in all_schemas():
        schema.migrate(connection)
    libraries = Libraries(connection, nullcontext)
    own = Libraries.__module__.partition(".")[0]
    values = {name: getattr(libraries, name) for name in dir(libraries) if not name.startswith("_")}
    found = {name: type(value) for name, value in values.items() if type(value).__module__.startswith("agent_runtime_")}
    return {name: owner for name, owner in found.items() if owner.__module__.partition(".")[0] != own}


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
    waiting = [operation.definition for operation in table().values()]
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
    assert {"goals", "tasks", "relays", "breakers"} == set(library_classes())


def test_every_public_method_is_reached_or_excluded_with_a_reason():
    assert public_methods() - reached_methods() - set(NOT_OPERATIONS) == set()


def test_no_exclusion_outlives_its_reason():
    assert set(NOT_OPERATIONS) - public_methods() == set(), "no such method"
    assert set(NOT_OPERATIONS) & reached_methods() == set(), "an operation reaches it now"
    assert all(len(reason.split()) > 3 for reason in NOT_OPERATIONS.values())
