"""`agent-runtime relay run`: a pipeline run to its end by agents that are programs."""

import contextlib
import os
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from agent_runtime_kernel.liveness import this_process
from agent_runtime_relay import Relay
from agent_runtime_relay.runner import (
    CommandAgent,
    CommandCheck,
    Crew,
    GateCheck,
    Reviewer,
    RunEnded,
    Runner,
    Warden,
    crew_of_command,
    read_crew,
    split_command,
)

from ...agents.relay_access import DatabaseRelayAccess, agents_folder
from ...errors import InvalidArguments
from ..context import (
    EXIT_CODES,
    REFUSED,
    command_session,
    database,
    errors_end_the_process,
    name_to_agents,
)
from ..from_operations import print_reply
from ..options import db_option, json_lines_option
from ..run_display import RunDisplay
from ..stopping import run_until_stopped


@click.command("run")
@click.argument("pipeline_id", type=click.IntRange(1))
@click.option(
    "--agent-command",
    metavar="COMMAND",
    help="The program for every role without one in --config, e.g. 'claude -p'; no shell runs it.",
)
@click.option("--config", metavar="FILE", help="TOML: commands, time limits, thresholds, checks and fallbacks by role.")
@click.option("--time-limit", metavar="SECONDS", type=float, help="For a step whose limit --config does not set. [600]")
@click.option("--worker", metavar="TEXT", help="Who claims the batons.")
@click.option("--check", "only_check", is_flag=True, help="Show what would run and what is wrong with it; run nothing.")
@json_lines_option
@db_option
def relay_run(
    pipeline_id: int,
    agent_command: str | None,
    config: str | None,
    time_limit: float | None,
    worker: str | None,
    only_check: bool,
    as_json: bool,
    db: str | None,
) -> None:
    """Run a pipeline to its end: each step by a program that is given the prompt on standard input.

    The program writes its result, a JSON object, into the file that AGENT_RUNTIME_RESULT names, or prints it last.
    After a crash, run the same command again: it continues from the database. The exit code is 0 when the pipeline is
    completed, and 4 when it can't continue by itself.
    """
    with errors_end_the_process(as_json), Warden() as warden:
        crew = _crew(agent_command, config, time_limit, warden)
        opened = database(db, may_create=False)
        if only_check:
            relay = opened.run_blocking(lambda libraries: libraries.relays.status(pipeline_id), writes=False)
            _check(relay, crew, as_json)
            return
        name = worker or command_session().worker
        runner = Runner(
            DatabaseRelayAccess(opened, name),
            crew,
            worker=name,
            holder=this_process(),
            folder=agents_folder(opened.path),
        )
        name_to_agents(opened.path)
        ended: list[RunEnded] = []
        try:
            run_until_stopped(_run(runner, pipeline_id, RunDisplay(as_json=as_json), ended))
        finally:
            opened.close()
        if not ended or ended[0].status != "completed":
            raise click.exceptions.Exit(REFUSED)


async def _run(runner: Runner, pipeline_id: int, display: RunDisplay, ended: list[RunEnded]) -> None:
    with display:
        async with contextlib.aclosing(runner.run(pipeline_id)) as events:
            async for event in events:
                display.show(event)
                if isinstance(event, RunEnded):
                    ended.append(event)


def _crew(agent_command: str | None, config: str | None, time_limit: float | None, warden: Warden) -> Crew:
    argv = None if agent_command is None else split_command(agent_command)
    if config is not None:
        return read_crew(Path(config), warden, argv, time_limit=time_limit)
    if argv is None:
        raise click.UsageError("name the agents with --agent-command or --config")
    return crew_of_command(argv, warden, time_limit=time_limit)


def _check(relay: Relay, crew: Crew, as_json: bool) -> None:
    """Show what would run for each step, and fail if a step can't run."""
    steps = [_step(crew, step.step_index, step.agent_type) for step in relay.steps[relay.current_step :]]
    problems = []
    if not relay.status.runs:
        resume = "; update_relay with status in_progress resumes it" if relay.status.resumable else ""
        problems.append(f"pipeline {relay.pipeline_id} is {relay.status}{resume}")
    problems += dict.fromkeys(problem for step in steps for problem in step["problems"])
    values = {"pipeline_id": relay.pipeline_id, "status": str(relay.status), "would_run": steps, "problems": problems}
    if not as_json:
        values["would_run"] = [{**step, "command": " ".join(step["command"] or ())} for step in steps]
    print_reply(values, as_json)
    if problems:
        raise click.exceptions.Exit(EXIT_CODES[InvalidArguments.code])


def _step(crew: Crew, step_index: int, agent_type: str) -> dict[str, Any]:
    post = crew.post(agent_type)
    fallback = crew.fallbacks.get(agent_type)
    stand_in = None if fallback is None else crew.post(fallback)
    problems = [] if post is not None else [f"no agent is configured for {agent_type}"]
    if fallback is not None and stand_in is None:
        problems.append(f"no agent is configured for {fallback}, the fallback of {agent_type}")
    for one in (post, stand_in):
        if one is not None and isinstance(one.agent, CommandAgent):
            problems += _missing(one.agent.argv, one.agent.folder)
    checks = crew.checks(agent_type)
    for check in checks:
        problems += _missing_of_check(check)
    agent = None if post is None else post.agent
    return {
        "step_index": step_index,
        "agent_type": agent_type,
        "command": list(agent.argv) if isinstance(agent, CommandAgent) else None,
        "time_limit": None if post is None else post.time_limit,
        "threshold": crew.thresholds.get(agent_type),
        "fallback": fallback,
        "checks": [check.name for check in checks],
        "problems": problems,
    }


def _missing_of_check(check: GateCheck) -> list[str]:
    if isinstance(check, CommandCheck):
        return _missing(check.argv, check.folder)
    return _missing(check.agent.argv, check.agent.folder) if isinstance(check, Reviewer) else []


def _missing(argv: Sequence[str], folder: Path | None) -> list[str]:
    program = argv[0]
    if os.sep in program:
        found = os.access((folder or Path.cwd()) / program, os.X_OK)
    else:
        found = shutil.which(program) is not None
    return [] if found else [f"there is no program {program}"]
