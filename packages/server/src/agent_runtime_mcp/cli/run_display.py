"""The display of a run: a progress bar and a line for each step on a terminal, lines elsewhere, or JSON lines."""

import re
import sys
from typing import TYPE_CHECKING, Any

import attrs
import click

from agent_runtime_relay import WaitingFor
from agent_runtime_relay.runner import (
    AttemptFailed,
    AttemptSuperseded,
    Event,
    RunEnded,
    RunStarted,
    StepCompleted,
    StepStarted,
    Waiting,
)

from ..contract.moments import iso
from ..replies.json import compact

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

_WORD = re.compile(r"(?<=[a-z])(?=[A-Z])")
_LONGEST_ERROR = 300


class RunDisplay:
    """The events of one run, printed as they come.

    Args:
        as_json: whether each event is one JSON object a line, and nothing else is shown.
    """

    def __init__(self, *, as_json: bool) -> None:
        self._as_json = as_json
        self._progress: Progress | None = None
        self._bar: TaskID | None = None

    def __enter__(self) -> "RunDisplay":
        if not self._as_json and sys.stdout.isatty():
            from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

            self._progress = Progress(
                TextColumn("{task.description}", markup=False), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn()
            )
            self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._progress is not None:
            self._progress.stop()

    def show(self, event: Event) -> None:
        """Print an event at once."""
        if self._as_json:
            click.echo(compact(as_json(event)))
            return
        if self._progress is not None:
            self._move(self._progress, event)
        line, color = _line(event)
        if line and self._progress is not None:
            from rich.text import Text

            self._progress.console.print(Text(line, style=color or ""), highlight=False)
        elif line:
            click.echo(line)

    def _move(self, progress: "Progress", event: Event) -> None:
        match event:
            case RunStarted():
                self._bar = progress.add_task(event.name, total=event.total_steps, completed=event.current_step)
            case StepStarted() if self._bar is not None:
                progress.update(self._bar, description=event.agent)
            case StepCompleted() if self._bar is not None:
                progress.update(self._bar, completed=event.step_index + 1)


def as_json(event: Event) -> dict[str, Any]:
    """Return an event as JSON values."""
    kind = _WORD.sub("_", type(event).__name__).lower()
    return {"event": kind, **attrs.asdict(event), "at": iso(event.at)}


def _line(event: Event) -> tuple[str, str | None]:
    """Return the line for an event, or an empty one, and its color."""
    match event:
        case RunStarted():
            return f"pipeline {event.pipeline_id}: {event.name} ({event.current_step}/{event.total_steps})", "bold"
        case StepStarted(recovered=True):
            return f"step {event.step_index} {event.agent}: its result was left by an earlier run that died", None
        case StepCompleted():
            marks = f"quality {event.quality_score:.2f} ({event.score_source}), L-score {event.l_score:.2f}"
            return (
                f"step {event.step_index} {event.agent}: {marks}, {event.tokens_used} tokens, {event.seconds:.1f} s",
                "green",
            )
        case AttemptFailed():
            left = f"{event.attempts_left} attempts left"
            return f"step {event.step_index} {event.agent}: {event.failure_type}: {_cut(event.error)} ({left})", "red"
        case AttemptSuperseded():
            kept = "" if event.orphan_output_id is None else f"; the result is kept as output {event.orphan_output_id}"
            return f"step {event.step_index} {event.agent}: {_cut(event.reason)}{kept}", "yellow"
        case Waiting():
            return f"step {event.step_index}: waiting {event.seconds:.1f} s for {event.waiting_for}", "yellow"
        case RunEnded():
            why = f": {event.reason}" if event.reason else ""
            spent = f"{event.tokens_used} tokens used, {event.tokens_remaining} left"
            line = f"{event.status}{why} ({event.current_step}/{event.total_steps}; {spent})"
            if event.waiting_for is WaitingFor.RESUME:
                line += f"\nresume it: agent-runtime relay update {event.pipeline_id} --status in_progress"
            return line, "bold"
    return "", None


def _cut(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= _LONGEST_ERROR else f"{line[:_LONGEST_ERROR]}..."
