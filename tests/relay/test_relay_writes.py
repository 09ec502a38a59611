"""What handing a baton on costs, in what does not depend on the machine: statements, pages, and rows looked at."""

import statistics

import apsw
import pytest
from handing_in import Team

from agent_runtime_relay import Relays
from agent_runtime_relay._records.pipelines import _SITUATION

PAGE_IN_LOG = 4096 + 24


@pytest.fixture
def executed(connection):
    """The first word of each statement."""
    statements = []
    watching = connection.exec_trace

    def note(cursor, sql, bindings):
        statements.append(sql.split()[0])
        return watching(cursor, sql, bindings)

    connection.exec_trace = note
    return statements


def test_handing_a_baton_on_is_five_statements_in_one_transaction(team, executed):
    baton = team.hand_in(team.first_baton).next_baton.baton_id
    executed.clear()

    team.hand_in(baton)

    assert executed == ["BEGIN", "SELECT", "INSERT", "UPDATE", "INSERT", "UPDATE", "COMMIT"]


def test_handing_a_baton_on_touches_few_pages(connect, clock, tmp_path):
    connection = connect()
    connection.pragma("wal_autocheckpoint", 0)
    relays = Relays(connection, clock=clock)
    relays.migrate()
    log = tmp_path / "test.db-wal"
    for _ in range(3):
        team = Team.of(relays, *["researcher"] * 48)
    pages = []
    for _ in range(48):
        before = log.stat().st_size
        team.hand_in(team.live, output="x" * 4096, output_summary="what the next one must know", sources=["a book"])
        pages.append((log.stat().st_size - before) // PAGE_IN_LOG)

    # One page of the pipeline, of its attempts and of the index of live batons, two of the output, and the first of the
    # file, which says how large it is.
    assert statistics.median(pages[1:-1]) == 6
    assert max(pages) <= 11


def test_the_situation_of_a_pipeline_is_looked_up_and_never_searched_for(team):
    plan = team.relays.connection.execute(f"EXPLAIN QUERY PLAN {_SITUATION}", {"id": 1}).fetchall()
    details = [row[3] for row in plan]
    assert [detail.split(" LEFT")[0] for detail in details] == [
        "SEARCH pipeline USING INTEGER PRIMARY KEY (rowid=?)",
        "SEARCH step USING PRIMARY KEY (pipeline_id=? AND step_index=?)",
        "SEARCH next_step USING PRIMARY KEY (pipeline_id=? AND step_index=?)",
        "SEARCH live USING INDEX relay_live_batons (pipeline_id=?)",
    ]


@pytest.mark.parametrize(
    ("sql", "index"),
    [
        (
            "SELECT 1 FROM relay_attempts WHERE ended_at IS NULL AND holder = 'p' ORDER BY pipeline_id",
            "relay_live_batons",
        ),
        ("SELECT 1 FROM relay_outputs WHERE pipeline_id = 1 AND late = 1 ORDER BY id", "relay_late_outputs"),
        ("SELECT 1 FROM relay_pipelines WHERE id > 5 AND status = 'failed' ORDER BY id", "relay_pipelines_by_status"),
    ],
)
def test_what_is_seldom_is_found_by_an_index_of_what_is_seldom(relays, sql, index):
    [(*_, detail)] = relays.connection.execute(f"EXPLAIN QUERY PLAN {sql}").fetchall()
    assert f"USING INDEX {index}" in detail or f"USING COVERING INDEX {index}" in detail


def test_two_live_batons_of_one_pipeline_are_refused_by_the_schema(team):
    connection = team.relays.connection
    with pytest.raises(apsw.ConstraintError, match=r"UNIQUE constraint failed: relay_attempts\.pipeline_id"):
        connection.execute(
            """
            INSERT INTO relay_attempts
                (pipeline_id, step_index, attempt, baton_id, state, agent_offered, route_reason, last_resort, depth,
                 created_at, tokens_used)
            VALUES (1, 1, 1, 'x', 'ready', 'two', 'own_step', 0, 1, 0, 0)
            """
        ).fetchall()
