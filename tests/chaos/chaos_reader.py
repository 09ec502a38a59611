"""Reads a file with nothing but sqlite3 and holds it against its own rows, its journal and the workers' ledgers.

It shares no code with what wrote the file, so that the same mistake can't be made twice. It is to be used while nobody
writes.
"""

import itertools
import json
import sqlite3
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import attrs
from chaos_ledger import read_ledger

OPEN = ("ready", "waiting", "unreachable")
# What always has an effect when it is answered; of the rest the reply says it, or it can't be told.
ALWAYS = {"create_task", "renew_task", "create_relay_pipeline", "retry_relay_step", "advance_relay"}


@attrs.frozen(kw_only=True)
class Written:
    """What a worker asked for, and what it was told; the last of a killed one was told nothing."""

    use: str
    worker: str
    operation: str
    arguments: dict[str, Any]
    reply: dict[str, Any] | None
    replayed: bool
    refused: str | None

    @property
    def had_effect(self) -> bool | None:
        """Whether the call that was answered changed something; None where that can't be told."""
        if self.refused is not None:
            return False
        if self.reply is None or self.replayed:
            return None
        if "changed" in self.reply:
            return bool(self.reply["changed"])
        if self.operation in ALWAYS or self.reply.get("claim_token"):
            return True
        return None


def ledgers(folder: Path) -> list[Written]:
    """Return what all workers asked for."""
    written = []
    for path in sorted(folder.glob("*.ledger")):
        asked: dict[str, dict[str, Any]] = {}
        for line in read_ledger(path):
            asked.setdefault(line["use"], {}).update(line)
        worker = f"worker-{path.name.partition('-')[0]}"
        written += [
            Written(
                use=use,
                worker=worker,
                operation=line["operation"],
                arguments=line["arguments"],
                reply=line.get("reply"),
                replayed=line.get("replayed", False),
                refused=line.get("refused"),
            )
            for use, line in asked.items()
        ]
    return written


@attrs.frozen
class Reader:
    """Looks at one file.

    Args:
        connection: to the file, only to read.
    """

    connection: sqlite3.Connection

    def faults(self, written: list[Written]) -> list[str]:
        """Return what is wrong, at most twenty.

        Args:
            written: what workers were told before the file was as it is.
        """
        checks = (
            self._pages(),
            self._counts(),
            self._graph(),
            self._claims(),
            self._journal(),
            self._completions(),
            self._pipelines(),
            self._ledgers(written),
            self._repeated(written),
            self._winners(written),
        )
        return list(itertools.islice(itertools.chain(*checks), 20))

    def rows(self, sql: str) -> list[Any]:
        """Return the rows of a statement."""
        return self.connection.execute(sql).fetchall()

    def _pages(self) -> Iterator[str]:
        yield from (f"integrity_check: {line}" for (line,) in self.rows("PRAGMA integrity_check") if line != "ok")
        yield from (f"foreign_key_check: {row}" for row in self.rows("PRAGMA foreign_key_check"))

    def _counts(self) -> Iterator[str]:
        counted: Counter[tuple[int, str]] = Counter()
        for goal_id, state in self.rows("SELECT goal_id, state FROM tasks_tasks"):
            for goal in (0, goal_id) if goal_id else (0,):
                counted[goal, state] += 1
        stored: Counter[tuple[int, str]] = Counter()
        names = [name for _, name, *_ in self.rows("PRAGMA table_info(tasks_counts)")][1:]
        for goal_id, *counts in self.rows("SELECT * FROM tasks_counts"):
            stored.update({(goal_id, name): count for name, count in zip(names, counts, strict=True)})
        yield from _differences("tasks_counts", counted, stored)
        for library, table, count in (("goals", "goals_goals", "goals"), ("relay", "relay_pipelines", "pipelines")):
            found = Counter(dict(self.rows(f"SELECT status, count(*) FROM {table} GROUP BY status")))
            kept = Counter(dict(self.rows(f"SELECT status, {count} FROM {library}_counts")))
            yield from _differences(f"{library}_counts", found, kept)

    def _graph(self) -> Iterator[str]:
        states = dict(self.rows("SELECT id, state FROM tasks_tasks"))
        unmet, dead = Counter[int](), Counter[int]()
        for task_id, before in self.rows("SELECT task_id, depends_on_id FROM tasks_dependencies"):
            unmet[task_id] += states[before] != "completed"
            dead[task_id] += states[before] in ("failed", "cancelled", "unreachable")
        for task_id, state, open_count, dead_count, wake_at, offer in self.rows(
            "SELECT id, state, open_dependencies, dead_dependencies, wake_at, offer FROM tasks_tasks"
        ):
            if (open_count, dead_count) != (unmet[task_id], dead[task_id]):
                yield f"task {task_id}: {open_count} open, {dead_count} dead; counted {unmet[task_id]}, {dead[task_id]}"
            expected = "unreachable" if dead[task_id] else "waiting" if unmet[task_id] or wake_at else "ready"
            if state in OPEN and state != expected:
                yield f"task {task_id} is {state}, and should be {expected}"
            if state == "ready" and offer is None:
                yield f"task {task_id} is ready and not offered"

    def _claims(self) -> Iterator[str]:
        in_progress = {row[0] for row in self.rows("SELECT id FROM tasks_tasks WHERE state = 'in_progress'")}
        claimed = {row[0] for row in self.rows("SELECT task_id FROM tasks_claims")}
        if in_progress != claimed:
            yield f"claimed and not in progress: {claimed - in_progress}; the reverse: {in_progress - claimed}"

    def _journal(self) -> Iterator[str]:
        numbers = [seq for (seq,) in self.rows("SELECT seq FROM server_journal ORDER BY seq")]
        if numbers != list(range(1, len(numbers) + 1)):
            yield "the journal has gaps"
        [(last,)] = self.rows("SELECT value FROM server_sequence WHERE name = 'journal'")
        if last != len(numbers):
            yield f"the journal's last number is {last}, and it has {len(numbers)} rows"
        twice = self.rows("SELECT tool_use_id FROM server_journal GROUP BY tool_use_id HAVING count(*) > 1")
        yield from (f"{use} was done twice" for (use,) in twice if use is not None)
        made = self.rows("SELECT subject FROM server_journal WHERE operation = 'create_task' ORDER BY seq")
        tasks = [f"task {row[0]}" for row in self.rows("SELECT id FROM tasks_tasks ORDER BY id")]
        if [subject for (subject,) in made] != tasks:
            yield f"{len(made)} tasks were created, and there are {len(tasks)}, or others"

    def _completions(self) -> Iterator[str]:
        """Follow each task through the journal: between two completions it must have been reopened."""
        completed: set[str] = set()
        count: Counter[str] = Counter()
        for subject, operation, arguments in self.rows(
            """
            SELECT subject, operation, arguments
            FROM server_journal
            WHERE operation IN ('get_next_task', 'update_task_status', 'renew_task')
            ORDER BY seq
            """
        ):
            status = json.loads(arguments).get("status")
            if status == "pending":
                completed.discard(subject)
            elif subject in completed:
                yield f"{subject} is completed, and {operation} {status or ''} was done to it"
            elif status == "completed":
                completed.add(subject)
                count[subject] += 1
        found = {f"task {row[0]}" for row in self.rows("SELECT id FROM tasks_tasks WHERE state = 'completed'")}
        if found != completed:
            yield f"completed by the journal alone: {completed - found}; by the tasks alone: {found - completed}"
        attempts = self.rows(
            "SELECT 'task ' || task_id, count(*) FROM tasks_attempts WHERE outcome = 'completed' GROUP BY task_id"
        )
        yield from _differences("completed attempts", count, Counter(dict(attempts)))

    def _pipelines(self) -> Iterator[str]:
        for pipeline_id, status, steps, accepted, distinct, live, used, spent in self.rows(
            """
            SELECT p.id, p.status, p.current_step,
                   count(*) FILTER (WHERE a.state = 'accepted'),
                   count(DISTINCT a.step_index) FILTER (WHERE a.state = 'accepted'),
                   count(*) FILTER (WHERE a.state IN ('ready', 'claimed')),
                   p.tokens_used, sum(a.tokens_used)
            FROM relay_pipelines AS p LEFT JOIN relay_attempts AS a ON a.pipeline_id = p.id
            GROUP BY p.id
            """
        ):
            if not steps == accepted == distinct:
                yield f"pipeline {pipeline_id} is at step {steps}; {accepted} were accepted, of {distinct} steps"
            if live > (status != "completed") or used != spent:
                yield f"pipeline {pipeline_id}: {live} live batons, {used} tokens used, {spent} by its attempts"
        again = self.rows("SELECT text FROM relay_outputs WHERE late = 0 GROUP BY text HAVING count(*) > 1")
        yield from (f"output {text} was taken twice" for (text,) in again)

    def _ledgers(self, written: list[Written]) -> Iterator[str]:
        """Hold what workers were told against the journal."""
        journal = dict(self.rows("SELECT tool_use_id, operation FROM server_journal"))
        for one in written:
            if one.had_effect is True and journal.get(one.use) != one.operation:
                yield f"{one.use} ({one.operation}) was acknowledged, and is not in the journal"
            if one.had_effect is False and one.use in journal:
                yield f"{one.use} ({one.operation}) was refused or changed nothing, and is in the journal"

    def _repeated(self, written: list[Written]) -> Iterator[str]:
        """Hold what was asked for under a request_id against the rows that it must have made, once."""
        titles = Counter(row[0] for row in self.rows("SELECT title FROM tasks_tasks"))
        names = Counter(row[0] for row in self.rows("SELECT name FROM relay_pipelines"))
        for one in written:
            made = {"create_task": titles, "create_relay_pipeline": names}.get(one.operation)
            if made is not None:
                count = made[one.arguments.get("title") or one.arguments["name"]]
                if count > 1 or (one.reply is not None and not count):
                    yield f"{one.use} was asked for, and is there {count} times"

    def _winners(self, written: list[Written]) -> Iterator[str]:
        """Let each claim have one winner, and each acknowledged output its place."""
        holders: dict[str, str] = {}
        texts = dict(self.rows("SELECT id, text FROM relay_outputs"))
        for one in written:
            token = (one.reply or {}).get("claim_token")
            if one.operation == "get_next_task" and token is not None:
                holder = holders.setdefault(token, one.worker)
                if holder != one.worker:
                    yield f"{holder} and {one.worker} were both given claim {token}"
            if one.operation == "advance_relay" and one.reply is not None:
                text, expected = texts.get(one.reply["output_id"]), one.arguments["output"]
                if text != expected:
                    yield f"output {one.reply['output_id']} of {one.use} is {text!r}"


def read(path: Path, written: list[Written]) -> list[str]:
    """Return what is wrong with a file that nobody writes to."""
    connection = sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)
    try:
        return Reader(connection).faults(written)
    finally:
        connection.close()


def _differences(what: str, expected: Counter[Any], found: Counter[Any]) -> Iterator[str]:
    for key in sorted(expected.keys() | found.keys(), key=str):
        if expected[key] != found[key]:
            yield f"{what} of {key}: {found[key]}, counted {expected[key]}"
