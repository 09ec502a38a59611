"""The audit of goals: silent about what the library wrote, and exact about what somebody else changed."""

import apsw
import pytest

from agent_runtime_goals import Finding, Goals
from fake_clock import FakeClock


@pytest.fixture
def goals(connection: apsw.Connection, clock: FakeClock) -> Goals:
    goals = Goals(connection, clock=clock)
    goals.migrate()
    top = goals.create("the top").goal_id
    below = goals.create("below", parent_goal_id=top).goal_id
    goals.create("beside")
    goals.update(below, status="completed")
    return goals


def test_nothing_is_found_in_what_the_library_wrote(goals: Goals) -> None:
    pages: list[int] = []
    assert list(goals.audit(pages.append)) == []
    assert pages == [3]
    assert goals.rebuild() == 0


def test_a_wrong_count_is_found_and_counted_anew(goals: Goals, connection: apsw.Connection) -> None:
    connection.execute("UPDATE goals_counts SET goals = 7 WHERE status = 'active'")
    connection.execute("DELETE FROM goals_counts WHERE status = 'completed'")
    assert list(goals.audit()) == [
        Finding(what="count of goals", subject="status active", expected="2", found="7", derived=True),
        Finding(what="count of goals", subject="status completed", expected="1", found="None", derived=True),
    ]
    assert goals.rebuild() == 2
    assert list(goals.audit()) == []


def test_an_open_goal_under_a_closed_one_is_found_and_left_to_people(goals: Goals, connection: apsw.Connection) -> None:
    connection.execute("UPDATE goals_goals SET status = 'paused', completed_at = NULL WHERE id = 2")
    connection.execute("UPDATE goals_goals SET status = 'cancelled' WHERE id = 1")
    goals.rebuild()
    rows = connection.execute("SELECT * FROM goals_goals ORDER BY id").fetchall()
    [finding] = goals.audit()
    assert finding == Finding(
        what="open goal under a closed one",
        subject="goal 2",
        expected="closed, as goal 1 is cancelled",
        found="paused",
        derived=False,
    )
    assert goals.rebuild() == 0
    assert connection.execute("SELECT * FROM goals_goals ORDER BY id").fetchall() == rows


def test_all_pages_are_looked_at(goals: Goals, connection: apsw.Connection) -> None:
    with connection:
        for number in range(1200):
            goals.create(f"goal {number}", parent_goal_id=3)
    connection.execute("UPDATE goals_goals SET status = 'cancelled' WHERE id = 3")
    goals.rebuild()
    pages: list[int] = []
    assert len(list(goals.audit(pages.append))) == 1200
    assert pages == [500, 500, 203]
