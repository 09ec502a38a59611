"""Worker processes for a storm: each works on one file as fast as it can, until it is killed.

Run as a program it is a nursery: all that workers need is imported once, and each is a fork of it, so that a new one
costs milliseconds. It obeys the lines on its standard input: `start SLOT NUMBER` and `kill PID`, and answers each with
one. A worker writes down in a file of its own what it asks for, and after the reply what came of it.
"""

import json
import os
import random
import signal
import sys
import traceback
from pathlib import Path
from typing import Any

import attrs
from chaos_ledger import read_ledger

from agent_runtime_kernel.liveness import this_process
from agent_runtime_mcp.database.database import Database
from agent_runtime_mcp.dispatch.failures import problem_of
from agent_runtime_mcp.dispatch.request import make_request
from agent_runtime_mcp.operations.call import Session
from agent_runtime_mcp.operations.table import table
from agent_runtime_mcp.runtime.libraries import Libraries, all_schemas

GOALS = 5
AGENTS = ("researcher", "analyzer", "writer", "validator", "formatter")
EXPECTED = {"busy", "conflict", "illegal_transition", "stale_claim"}
KEPT = ("changed", "claim_token", "pipeline_id", "baton_id", "outcome", "output_id", "admitted")


@attrs.define
class Worker:
    """Asks for operations on a file, and writes a line before each and a line after each.

    Args:
        path: the file.
        folder: where the ledgers are.
        slot: which of the workers that are there at one time it is; its successor has the same name.
        number: how many were in that slot before it.
        seed: what its choices follow from.
        synchronous: how durable writes are.
    """

    path: Path
    folder: Path
    slot: int
    number: int
    seed: str
    synchronous: str
    asked: int = 0
    held: list[int] = attrs.field(factory=list)
    known: list[int] = attrs.field(factory=list)
    pipelines: list[int] = attrs.field(factory=list)
    permits: list[tuple[str, str]] = attrs.field(factory=list)
    _database: Any = attrs.field(init=False)
    _session: Session = attrs.field(init=False)
    _random: random.Random = attrs.field(init=False)
    _ledger: int = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        self._database = Database(self.path, Libraries, all_schemas, synchronous=self.synchronous)
        self._session = Session(worker=f"worker-{self.slot}", holder=this_process())
        self._random = random.Random(f"{self.seed} {self.slot} {self.number}")
        self._ledger = os.open(self._ledger_of(self.number), os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_WRONLY, 0o600)

    def work(self, moves: dict[str, int]) -> None:
        """Make random moves until the nursery is gone."""
        nursery = os.getppid()
        self._repeat_what_the_predecessor_was_not_answered()
        while os.getppid() == nursery:
            [move] = self._random.choices(list(moves), list(moves.values()))
            getattr(self, move)()

    def close(self) -> None:
        """End without being killed."""
        self._database.close()
        os.close(self._ledger)

    def create(self) -> None:
        """Create a task, often one that waits for others, half of the time so that it may be asked for again."""
        count = self._random.choice((0, 0, 1, 2))
        reply = self.ask(
            "create_task",
            may_be_repeated=self._random.random() < 0.5,
            title=self._next_use,
            goal_id=self._random.choice((None, *range(1, GOALS + 1))),
            priority=self._random.randint(1, 10),
            dependencies=sorted(set(self._random.sample(self.known, min(count, len(self.known))))),
            max_attempts=self._random.choice((2, 100)),
        )
        if reply:
            self._know(reply["task"]["task_id"])

    def claim(self) -> None:
        """Claim the next task, unless it has its hands full."""
        if len(self.held) >= 3:
            return self.complete()
        reply = self.ask(
            "get_next_task",
            may_be_repeated=self._random.random() < 0.25,
            lease_seconds=self._random.choice((10, 900)),
        )
        if reply and reply["task"]:
            self.held.append(reply["task"]["task_id"])
            self._know(reply["task"]["task_id"])
        return None

    def complete(self) -> None:
        """Complete a task that it holds."""
        self._settle(status="completed", result=self._next_use)

    def fail(self) -> None:
        """Fail a task that it holds."""
        self._settle(status="failed", error=self._next_use)

    def release(self) -> None:
        """Give a task back, to be tried again."""
        self._settle(status="pending", error=self._random.choice((None, self._next_use)))

    def renew(self) -> None:
        """Renew a claim."""
        if self.held:
            self.ask("renew_task", task_id=self._random.choice(self.held), progress=self._next_use)

    def reopen(self) -> None:
        """Reopen a task that is finished, if it is and may be."""
        others = [task_id for task_id in self.known if task_id not in self.held]
        if others:
            self.ask("update_task_status", task_id=self._random.choice(others), status="pending")

    def look(self) -> None:
        """Read something."""
        operation, arguments = self._random.choice(
            [("runtime_overview", {}), ("list_tasks", {"limit": 10}), ("get_goal", {"goal_id": 1}), ("list_goals", {})]
        )
        request = make_request(operation, arguments, self._session)
        self._database.run_blocking(request.run, writes=request.writes)

    def begin(self) -> None:
        """Create a pipeline."""
        if len(self.pipelines) > 5:
            return self.advance()
        reply = self.ask(
            "create_relay_pipeline",
            may_be_repeated=True,
            name=self._next_use,
            goal="a goal",
            agent_types=self._random.choices(AGENTS, k=self._random.randint(2, 6)),
            max_retries=100,
            token_budget=1_000_000,
        )
        if reply:
            self.pipelines.append(reply["pipeline_id"])
        return None

    def advance(self) -> None:
        """Do the current step of a pipeline, its own or anybody's, well or badly."""
        pipeline_id = self._random.choice([*self.pipelines, self._random.randint(1, max([10, *self.pipelines]))])
        reply = self.ask("get_relay_baton", pipeline_id=pipeline_id, claim=True, lease_seconds=10)
        if not reply:
            return
        if reply["status"] == "completed" and pipeline_id in self.pipelines:
            self.pipelines.remove(pipeline_id)
        if reply["baton"] is None:
            if reply["waiting_for"] == "retry":
                self.ask("retry_relay_step", pipeline_id=pipeline_id, step_index=reply["current_step"])
            elif reply["waiting_for"] == "resume":
                self.ask("update_relay", pipeline_id=pipeline_id, status="in_progress")
            return
        self.ask(
            "advance_relay",
            may_be_repeated=self._random.random() < 0.5,
            pipeline_id=pipeline_id,
            baton_id=reply["baton"]["baton_id"],
            quality_score=self._random.choice((0.2, 0.95, 0.95, 0.95)),
            l_score=0.9,
            tokens_used=self._random.randint(1, 50),
            output=self._next_use,
        )

    def guard(self) -> None:
        """Ask a breaker for a permit, or tell one what came of it."""
        agent = self._random.choice(AGENTS)
        match self._random.choice(("acquire", "settle", "settle", "trip", "reset", "reset")):
            case "acquire":
                reply = self.ask("circuit_breaker_acquire", agent_id=agent)
                if reply and reply["admitted"]:
                    self.permits.append((agent, reply["permit_id"]))
            case "settle" if self.permits:
                agent, permit_id = self.permits.pop()
                self._settle_permit(agent, permit_id)
            case "trip" if self._random.random() < 0.1:
                self.ask("circuit_breaker_trip", agent_id=agent, reason=self._next_use)
            case "reset":
                self.ask("circuit_breaker_reset", agent_id=agent)

    def ask(self, operation: str, /, *, may_be_repeated: bool = False, **arguments: Any) -> dict[str, Any] | None:
        """Ask for an operation and return the reply, or None where it was refused as others may cause it to be."""
        if may_be_repeated:
            arguments["request_id"] = self._next_use
        return self._ask(operation, arguments)

    def _ask(self, operation: str, arguments: dict[str, Any]) -> dict[str, Any] | None:
        use = self._next_use
        self.asked += 1
        self._write({"use": use, "operation": operation, "arguments": arguments})
        try:
            request = make_request(operation, arguments, self._session, tool_use_id=use)
            reply = self._database.run_blocking(request.run, writes=request.writes)
        except Exception as error:
            problem = problem_of(error)
            if problem is None or problem.code not in EXPECTED:
                raise
            self._write({"use": use, "refused": problem.code})
            return None
        values = reply.values
        kept = {name: values[name] for name in KEPT if name in values}
        if isinstance(values.get("task"), dict):
            kept["task_id"] = values["task"]["task_id"]
        self._write({"use": use, "reply": kept, "replayed": reply.replayed})
        return values

    def _settle(self, **arguments: Any) -> None:
        if not self.held:
            return self.claim()
        task_id = self.held.pop(self._random.randrange(len(self.held)))
        self.ask("update_task_status", task_id=task_id, **arguments)
        return None

    def _settle_permit(self, agent: str, permit_id: str) -> None:
        if self._random.random() < 0.9:
            self.ask("circuit_breaker_record_success", agent_id=agent, permit_id=permit_id)
        else:
            self.ask(
                "circuit_breaker_record_failure",
                agent_id=agent,
                permit_id=permit_id,
                failure_type="timeout",
                error_message=self._next_use,
            )

    def _repeat_what_the_predecessor_was_not_answered(self) -> None:
        """Ask again, as a client does whose server died: the effect must be there once, whether it was or not."""
        before = self._ledger_of(self.number - 1)
        if not before.exists():
            return
        *_, last = [{}, *read_ledger(before)]
        arguments = last.get("arguments", {})
        if "request_id" in arguments:
            self._ask(last["operation"], arguments)

    def _know(self, task_id: int) -> None:
        self.known = [*self.known[-50:], task_id]

    @property
    def _next_use(self) -> str:
        return f"{self.slot}-{self.number}-{self.asked}"

    def _ledger_of(self, number: int) -> Path:
        return self.folder / f"{self.slot}-{number}.ledger"

    def _write(self, line: dict[str, Any]) -> None:
        os.write(self._ledger, json.dumps(line).encode() + b"\n")


def main() -> None:
    """Keep workers as standard input says."""
    path, folder, seed, synchronous, moves = sys.argv[1:]
    warm_up()
    workers: set[int] = set()
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    for line in sys.stdin:
        match line.split():
            case ["start", slot, number]:
                pid = os.fork()
                if pid == 0:
                    be_a_worker(Worker(Path(path), Path(folder), int(slot), int(number), seed, synchronous), moves)
                workers.add(pid)
                answer = pid
            case ["kill", pid]:
                workers.remove(int(pid))
                os.kill(int(pid), signal.SIGKILL)
                answer = os.waitstatus_to_exitcode(os.waitpid(int(pid), 0)[1])
            case _:
                raise ValueError(line)
        sys.stdout.write(f"{answer}\n")
        sys.stdout.flush()
    for pid in workers:
        os.kill(pid, signal.SIGKILL)


def be_a_worker(worker: Worker, moves: str) -> None:
    """Work and never return; a bug ends the process in another way than its being killed."""
    try:
        worker.work(json.loads(moves))
    except BaseException:
        traceback.print_exc()
    finally:
        os._exit(1)


def warm_up() -> None:
    """Import and derive what the first call of each operation would."""
    for schema in all_schemas():
        assert schema.name
    for operation in table().values():
        assert operation.accepted
        assert operation.reply_classes


if __name__ == "__main__":
    main()
