"""Every error of the libraries and of the server says which code it has."""

import inspect

import pytest
from operating import CODES

import agent_runtime_breakers
import agent_runtime_breakers.errors
import agent_runtime_goals
import agent_runtime_goals.errors
import agent_runtime_mcp.errors
import agent_runtime_relay
import agent_runtime_relay.errors
import agent_runtime_relay.runner
import agent_runtime_tasks
import agent_runtime_tasks.errors
from agent_runtime_kernel.errors import AgentRuntimeError

LIBRARIES = {
    library.__name__: library
    for library in (agent_runtime_goals, agent_runtime_tasks, agent_runtime_relay, agent_runtime_breakers)
}
RAISED_BY = {"agent_runtime_relay": (agent_runtime_relay.runner,)}  # besides the library itself
# Internal to a program that runs agents: what an agent failed at is settled, and never told to a caller.
WITHOUT_CODE = {"AgentFailed", "Superseded"}


def errors_of(library):
    """Return the errors that a library raises: those that others derive from are never raised."""
    classes = {
        value
        for module in (library, library.errors, *RAISED_BY.get(library.__name__, ()))
        for value in (getattr(module, name) for name in getattr(module, "__all__", None) or dir(module))
        if inspect.isclass(value) and issubclass(value, Exception) and value.__module__.startswith("agent_runtime_")
    }
    return {one for one in classes if not any(one in other.__mro__[1:] for other in classes)}


@pytest.mark.parametrize("library", [*LIBRARIES.values(), agent_runtime_mcp], ids=lambda library: library.__name__)
def test_every_error_has_a_code_of_the_fixed_set(library):
    found = {one for one in errors_of(library) if one.__name__ not in WITHOUT_CODE}
    assert len(found) > 3
    assert {one.__name__ for one in found if not issubclass(one, AgentRuntimeError)} == set()
    assert {one.__name__: one.code for one in found if one.code not in CODES - {"internal"}} == {}


def test_only_a_late_output_is_kept_though_its_error_is_raised():
    keeping = {
        one.__name__
        for library in LIBRARIES.values()
        for one in errors_of(library)
        if one.__name__ not in WITHOUT_CODE and one.keeps_writes
    }
    assert keeping == {"StaleBaton"}
