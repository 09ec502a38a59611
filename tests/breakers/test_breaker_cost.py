"""The cost of a call, in statements: each is a round trip to an engine that is not in the process."""

import pytest
from opened_breakers import numbered_breakers

AGENT = "coder"
WRITE = ("INSERT", "UPDATE", "DELETE")


@pytest.fixture
def breakers(connection, clock):
    breakers = numbered_breakers(connection, clock)
    breakers.acquire(AGENT)
    return breakers


@pytest.fixture
def statements(breakers):
    """The statements from here on, as their first words."""
    connection, seen = breakers.connection, []
    watch = connection.exec_trace

    def trace(cursor, sql, bindings):
        seen.append(sql.split()[0])
        return watch(cursor, sql, bindings)

    connection.exec_trace = trace
    yield seen
    connection.exec_trace = watch


@pytest.mark.parametrize(
    ("call", "reads", "writes"),
    [
        (lambda breakers: breakers.record_failure(AGENT, "timeout", "no answer"), 2, 2),
        (lambda breakers: breakers.record_success(AGENT), 2, 2),
        (lambda breakers: breakers.acquire(AGENT), 2, 1),
        (lambda breakers: breakers.record_success(AGENT, permit_id="permit-1"), 3, 3),
        (lambda breakers: breakers.record_failure(AGENT, "timeout", "", permit_id="permit-1"), 3, 3),
        (lambda breakers: breakers.release(AGENT, "permit-1"), 3, 1),
        (lambda breakers: breakers.trip(AGENT), 2, 2),
        (lambda breakers: breakers.status(AGENT), 2, 0),
        (lambda breakers: breakers.advice(AGENT), 1, 0),
    ],
)
def test_a_call_takes_few_statements(breakers, statements, call, reads, writes):
    call(breakers)

    assert (statements.count("SELECT"), sum(statements.count(word) for word in WRITE)) == (reads, writes)
