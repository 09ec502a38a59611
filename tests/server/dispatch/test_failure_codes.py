"""Every error of the libraries has a code, and every name in the table of codes is an error."""

import inspect

import pytest
from operating import CODES

import agent_runtime_breakers
import agent_runtime_breakers.errors
import agent_runtime_goals
import agent_runtime_goals.errors
import agent_runtime_relay
import agent_runtime_relay.errors
import agent_runtime_relay.runner
import agent_runtime_tasks
import agent_runtime_tasks.errors
from agent_runtime_mcp.dispatch.failures import _CODES

LIBRARIES = {
    library.__name__: library
    for library in (agent_runtime_goals, agent_runtime_tasks, agent_runtime_relay, agent_runtime_breakers)
}
RAISED_BY = {"agent_runtime_relay": (agent_runtime_relay.runner,)}  # besides the library itself
# Told to a program in Python alone: no operation guards a piece of code, and what an agent failed at is settled.
NOT_ANSWERED = {"agent_runtime_breakers": {"BreakerOpen"}, "agent_runtime_relay": {"AgentFailed", "Superseded"}}


def errors_of(library):
    """Return the names of the errors that a library raises: those that others derive from are never raised."""
    classes = {
        value
        for module in (library, library.errors, *RAISED_BY.get(library.__name__, ()))
        for value in (getattr(module, name) for name in getattr(module, "__all__", None) or dir(module))
        if inspect.isclass(value) and issubclass(value, Exception) and value.__module__.startswith(library.__name__)
    }
    return {one.__name__ for one in classes if not any(one in other.__mro__[1:] for other in classes)}


@pytest.mark.parametrize("name", LIBRARIES)
def test_every_error_of_a_library_has_a_code(name):
    assert errors_of(LIBRARIES[name]) - NOT_ANSWERED.get(name, set()) == set(_CODES[name])


def test_every_code_is_one_of_the_fixed_set():
    assert set(_CODES) == set(LIBRARIES)
    assert {code for codes in _CODES.values() for code in codes.values()} <= CODES
