"""Pipelines as they are created, read, listed and steered."""

import json

import attrs
import pytest
from handing_in import Team, everything

from agent_runtime_relay import CreatedRelay, Relay, Relays, RelayStatus, RelayStep, RelaySummary, StepStatus
from agent_runtime_relay.errors import IllegalTransition, InvalidValue, OutputNotFound, PipelineNotFound, SchemaTooNew


def test_a_created_pipeline_is_whole(relays, clock):
    created = relays.create("Survey", "What is known?", ["researcher", "poet"], description="All", task_id=7)

    assert created == CreatedRelay(
        pipeline_id=1,
        name="Survey",
        goal="What is known?",
        status=RelayStatus.PENDING,
        steps=2,
        agents=("researcher", "poet"),
        token_budget=100_000,
        baton_id=created.baton_id,
    )
    nothing = RelayStep(
        step_index=0,
        agent_type="researcher",
        agent_assigned="researcher",
        status=StepStatus.READY,
        attempts=1,
        quality_score=None,
        l_score=None,
        score_source=None,
        tokens_used=0,
        output_id=None,
        started_at=clock.milliseconds,
        completed_at=None,
    )
    assert relays.status(1) == Relay(
        pipeline_id=1,
        name="Survey",
        goal="What is known?",
        status=RelayStatus.PENDING,
        reason=None,
        resumable=False,
        current_step=0,
        total_steps=2,
        tokens_used=0,
        tokens_remaining=100_000,
        token_budget=100_000,
        quality_scores=(),
        l_scores=(),
        average_quality=None,
        average_l_score=None,
        steps=(
            nothing,
            attrs.evolve(
                nothing,
                step_index=1,
                agent_type="poet",
                agent_assigned=None,
                status=StepStatus.PENDING,
                attempts=0,
                started_at=None,
            ),
        ),
        orphans=(),
    )
    assert relays.baton(1).baton.baton_id == created.baton_id


def test_creation_leaves_nothing_when_any_part_of_it_fails(relays, connection):
    relays.create("kept", "goal", ["one"])
    before = everything(connection)
    connection.execute(
        "CREATE TEMP TRIGGER no_batons BEFORE INSERT ON relay_attempts BEGIN SELECT RAISE(ABORT, 'no baton'); END"
    ).fetchall()

    with pytest.raises(Exception, match="no baton"):
        relays.create("Survey", "goal", ["one", "two"])

    assert everything(connection) == before


def test_a_preset_stands_for_its_agents(relays):
    assert relays.create("Survey", "goal", "quick").agents == ("researcher", "synthesizer", "formatter")
    assert relays.create("Survey", "goal", ["quick"]).agents == ("quick",)


@pytest.mark.parametrize("count", [1, 48, 256])
def test_a_pipeline_has_1_to_256_agents(relays, count):
    created = relays.create("Survey", "goal", ["researcher"] * count)
    assert (created.steps, created.token_budget) == (count, max(100_000, 6000 * count))


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        ({"name": ""}, "name must not be empty"),
        ({"name": "x" * 501}, "name has 501 characters"),
        ({"goal": ""}, "goal must not be empty"),
        ({"goal": "x" * 4097}, "goal has 4097 bytes"),
        ({"description": "x" * 65537}, "description has 65537 bytes"),
        ({"agent_types": []}, "agent_types has 0 items; at least 1 are required"),
        ({"agent_types": ["a"] * 257}, "agent_types has 257 items; at most 256"),
        ({"agent_types": ["a", ""]}, r"agent_types\[1\] must not be empty"),
        ({"agent_types": ["a\nb"]}, r"agent_types\[0\] contains control characters"),
        ({"agent_types": "thorough"}, "agent_types is 'thorough', which is not a preset"),
        ({"agent_types": 3}, "agent_types must be a list, not a whole number"),
        ({"token_budget": 0}, "token_budget is 0; it must be at least 1"),
        ({"token_budget": -5}, "token_budget is -5"),
        ({"token_budget": True}, "token_budget must be a whole number, not a boolean"),
        ({"token_budget": 10.5}, "token_budget must be a whole number"),
        ({"quality_threshold": 1.01}, "quality_threshold is 1.01"),
        ({"quality_threshold": float("nan")}, "quality_threshold is nan"),
        ({"l_score_threshold": float("inf")}, "l_score_threshold is inf"),
        ({"l_score_threshold": False}, "l_score_threshold must be a number, not a boolean"),
        ({"max_retries": -1}, "max_retries is -1"),
        ({"max_retries": 101}, "max_retries is 101"),
        ({"fallback_agents": ["a"]}, "fallback_agents must be an object"),
        ({"fallback_agents": {"a": "a"}}, "fallback_agents lets 'a' stand in for itself"),
        ({"fallback_agents": {"b": "c"}}, "fallback_agents names 'b', which is not an agent of this pipeline"),
        ({"fallback_agents": {"a": ""}}, r"fallback_agents\['a'\] must not be empty"),
        ({"task_id": 0}, "task_id is 0"),
    ],
)
def test_a_pipeline_out_of_bounds_is_refused_and_nothing_is_written(relays, connection, arguments, problem):
    before = everything(connection)
    with pytest.raises(InvalidValue, match=problem):
        relays.create(**{"name": "Survey", "goal": "goal", "agent_types": ["a"], **arguments})
    assert everything(connection) == before


@pytest.mark.parametrize("operation", ["status", "baton", "orphans", "update"])
def test_an_unknown_pipeline_is_named(relays, operation):
    with pytest.raises(PipelineNotFound, match="pipeline 9 does not exist"):
        getattr(relays, operation)(9)


def test_an_unknown_pipeline_is_named_by_what_writes(relays):
    for operation in (
        lambda: relays.advance(9, 0.9, 0.9, 1),
        lambda: relays.advance(9, 0.9, 0.9, 1, baton_id="9.1.1.x"),
        lambda: relays.baton(9, claim=True, worker="ann"),
        lambda: relays.retry(9, 0),
        lambda: relays.adopt_output(9, 1),
        lambda: relays.fail_attempt(9, "9.1.1.x", "timeout"),
        lambda: relays.renew(9, "9.1.1.x", "ann"),
        lambda: relays.release(9, "9.1.1.x", "ann"),
    ):
        with pytest.raises(PipelineNotFound, match="pipeline 9 does not exist"):
            operation()


def test_a_status_shows_each_step_as_its_attempts_left_it(relays, team, clock):
    team.hand_in(quality_score=0.8, tokens_used=50)
    team.fail_gate(tokens_used=7)
    clock.advance(3)
    team.retry()
    done = team.hand_in(quality_score=0.9, tokens_used=11, output="text")

    status = team.status

    assert [step.status for step in status.steps] == ["completed", "completed", "ready"]
    assert [step.attempts for step in status.steps] == [1, 2, 1]
    assert [step.tokens_used for step in status.steps] == [50, 18, 0]
    assert (status.tokens_used, status.tokens_remaining) == (68, 99_932)
    assert (status.quality_scores, status.l_scores) == ((0.8, 0.9), (0.9, 0.9))
    assert (status.average_quality, status.average_l_score) == (0.85, 0.9)
    assert (status.current_step, status.status) == (2, "in_progress")
    assert status.steps[1].output_id == done.output_id
    assert status.steps[1].completed_at == clock.milliseconds
    assert status.steps[1].started_at == clock.milliseconds - 3000


def test_pages_follow_each_other_without_gaps(relays):
    ids = [relays.create(f"pipeline {number}", "goal", ["one"]).pipeline_id for number in range(5)]

    first = relays.list(limit=3)
    second = relays.list(limit=3, after=first.pipelines[-1].pipeline_id)

    assert [pipeline.pipeline_id for pipeline in first.pipelines + second.pipelines] == ids
    assert (first.more, second.more, first.total) == (True, False, 5)


def test_a_list_of_one_status_counts_only_that_status(relays, team, clock):
    other = Team.of(relays, "one", "two")
    other.hand_in()
    Team.of(relays, "one").hand_in()

    page = relays.list("in_progress")

    assert page.pipelines == (
        RelaySummary(
            pipeline_id=other.pipeline_id,
            name="Survey",
            status=RelayStatus.IN_PROGRESS,
            current_step=1,
            total_steps=2,
            progress_percent=50.0,
            tokens_used=100,
            created_at=clock.milliseconds,
        ),
    )
    assert (page.total, relays.list("pending").total, relays.list("completed").total) == (1, 1, 1)


@pytest.mark.parametrize("arguments", [{"status": "done"}, {"limit": 0}, {"limit": 201}])
def test_a_list_out_of_bounds_is_refused(relays, arguments):
    with pytest.raises(InvalidValue):
        relays.list(**arguments)


def test_pausing_keeps_the_live_baton_and_its_claim_and_refuses_both(team):
    claimed = team.claim()
    baton = claimed.baton.baton_id

    team.update(status="paused", reason="waiting for data")

    assert (team.status.status, team.status.reason, team.status.resumable) == ("paused", "waiting for data", True)
    assert team.live == baton
    reading = team.read()
    assert (reading.baton, reading.prompt, reading.waiting_for) == (None, None, "resume")
    with team.unchanged():
        with pytest.raises(IllegalTransition, match="pipeline 1 is paused") as refusal:
            team.hand_in(baton)
        with pytest.raises(IllegalTransition):
            team.hand_in()
        assert team.claim("ann").waiting_for == "resume"
    assert refusal.value.hint == 'call update_relay(pipeline_id=1, status="in_progress")'

    team.update(status="in_progress")

    assert team.read().claim == claimed.claim
    assert team.hand_in(baton).outcome == "advanced"


def test_cancelling_is_final(team):
    baton = team.claim().baton.baton_id

    change = team.update(status="cancelled", reason="not needed")

    assert (change.changed, change.relay.status, change.relay.reason) == (True, "cancelled", "not needed")
    assert team.live is None
    assert change.relay.steps[0].status == "cancelled"
    with team.unchanged():
        assert team.read().waiting_for == "nothing"
        for refused in (
            lambda: team.hand_in(),
            lambda: team.hand_in(baton, output="late"),
            lambda: team.update(status="in_progress"),
            lambda: team.update(status="paused"),
            lambda: team.update(max_retries=9),
            lambda: team.retry(),
        ):
            with pytest.raises(IllegalTransition, match="pipeline 1 is cancelled"):
                refused()
        assert not team.update(status="cancelled").changed


def test_a_completed_pipeline_stays_completed(relays):
    team = Team.of(relays, "one")
    assert team.hand_in().outcome == "completed"

    with team.unchanged():
        for status in ("paused", "in_progress", "cancelled"):
            with pytest.raises(IllegalTransition, match=f"is completed: it can't become {status}"):
                team.update(status=status)
        with pytest.raises(IllegalTransition, match="pipeline 1 is completed: it has no baton any more"):
            team.hand_in()


def test_only_what_was_paused_or_failed_is_resumed(team):
    with pytest.raises(IllegalTransition, match="is pending: it can't become in_progress") as refusal:
        team.update(status="in_progress")
    assert refusal.value.hint == "it can become paused or cancelled"
    team.hand_in()
    assert not team.update(status="in_progress").changed


def test_an_update_keeps_what_is_omitted_and_brings_back_the_default_of_what_is_none(relays, team):
    changed = team.update(token_budget=5000, quality_threshold=0.95, l_score_threshold=0.5, max_retries=7)
    baton = team.read().baton
    assert changed.changed
    assert (baton.remaining_budget, baton.quality_threshold, baton.l_score_threshold, baton.max_retries) == (
        5000,
        0.95,
        0.5,
        7,
    )

    team.update(token_budget=None, quality_threshold=None, l_score_threshold=None, max_retries=None)

    baton = team.read().baton
    assert (baton.remaining_budget, baton.quality_threshold, baton.l_score_threshold, baton.max_retries) == (
        100_000,
        0.6,
        0.3,
        3,
    )
    assert not team.update(max_retries=3).changed


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"status": "done"}, "status is 'done'; it must be one of paused, in_progress, cancelled"),
        ({"status": None}, "status is None"),
        ({"token_budget": 0}, "token_budget is 0"),
        ({"quality_threshold": 2}, "quality_threshold is 2"),
        ({"max_retries": 1.5}, "max_retries must be a whole number"),
        ({"reason": "x" * 4097}, "reason has 4097 bytes"),
    ],
)
def test_an_update_out_of_bounds_is_refused_and_nothing_is_written(team, changes, problem):
    with team.unchanged(), pytest.raises(InvalidValue, match=problem):
        team.update(**changes)


def test_an_output_is_read_in_parts_that_add_up(team):
    text = "é€🙂" * 6000
    output_id = team.hand_in(output=text).output_id

    parts, offset = [], 0
    while offset is not None:
        page = team.relays.output(1, output_id, offset=offset)
        assert (page.offset, page.bytes, len(page.text.encode()) <= 24 * 1024) == (offset, 54_000, True)
        parts.append(page.text)
        offset = page.next_offset

    assert len(parts) == 3
    assert "".join(parts) == text


def test_an_output_of_another_pipeline_is_not_found(relays, team):
    output_id = team.hand_in(output="text").output_id
    other = Team.of(relays, "one")

    with pytest.raises(OutputNotFound, match=f"pipeline {other.pipeline_id} has no output {output_id}"):
        relays.output(other.pipeline_id, output_id)


@pytest.mark.parametrize(
    ("offset", "problem"),
    [(-1, "offset is -1"), (4, "the output has 3 bytes"), (1, "inside a character"), ("0", "whole")],
)
def test_an_offset_is_in_the_text_and_between_characters(team, offset, problem):
    output_id = team.hand_in(output="éx").output_id
    with pytest.raises(InvalidValue, match=problem):
        team.relays.output(1, output_id, offset=offset)
    assert team.relays.output(1, output_id, offset=3).text == ""


def test_a_name_holds_no_escape_sequences(relays):
    assert relays.create("a\x1b[31mred\u202eb", "goal", ["one"]).name == "aredb"


def test_the_tables_are_made_once(connection, clock):
    relays = Relays(connection, clock=clock)
    assert relays.migrate() == 1
    assert relays.migrate() == 0


def test_a_file_of_a_newer_version_is_refused(relays, connection):
    connection.execute("UPDATE relay_schema SET version = 99").fetchall()
    with pytest.raises(SchemaTooNew, match="the relay tables have schema version 99"):
        relays.migrate()


def test_fallback_agents_are_kept_as_they_are_given(relays, connection):
    relays.create("Survey", "goal", ["one"], fallback_agents={"one": "spare"})
    [(kept,)] = connection.execute("SELECT fallback_agents FROM relay_pipelines").fetchall()
    assert json.loads(kept) == {"one": "spare"}
