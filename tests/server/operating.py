"""Operations run as a server runs them, on a real file: each reply is held against its schema and its largest size."""

import json
import re
from collections.abc import Iterator
from functools import cache, partial
from pathlib import Path
from typing import Any

import attrs
import jsonschema

from agent_runtime_mcp.contract.schemas import output_schema
from agent_runtime_mcp.database.database import Database
from agent_runtime_mcp.dispatch.failures import INTERNAL, Problem, problem_of
from agent_runtime_mcp.dispatch.request import Reply, make_request
from agent_runtime_mcp.operations.call import Session
from agent_runtime_mcp.operations.table import table
from agent_runtime_mcp.runtime.libraries import Libraries, all_schemas

KIB = 1024
LARGEST_PAGE = 16 * KIB
LARGEST_REPLY = 32 * KIB
LARGEST_OVERVIEW = 2 * KIB
DESTRUCTIVE = re.compile(r"\bstatus\W+cancelled|\bopen[-_]tasks\W+cancel\b|\brm |\bDELETE\b|\bDROP\b|--fix|--prune")
CODES = {
    "not_found",
    "invalid",
    "conflict",
    "illegal_transition",
    "stale_claim",
    "cycle",
    "busy",
    "storage",
    "internal",
}


@attrs.define
class Runtime:
    """A server's operations on one file, with a clock that the test advances."""

    path: Path
    clock: Any
    database: Database[Libraries] = attrs.field(init=False)
    ada: Session = attrs.field(init=False, factory=lambda: Session(worker="ada", holder="a process"))

    def __attrs_post_init__(self) -> None:
        self.database = Database(
            self.path, partial(Libraries, clock=self.clock), all_schemas, synchronous="NORMAL", patience=0.1
        )

    def __call__(self, operation: str, /, *, by: Session | None = None, **arguments: Any) -> dict[str, Any]:
        return self.reply(operation, arguments, by).values

    def reply(self, operation: str, arguments: dict[str, Any], by: Session | None = None) -> Reply:
        """Run an operation, by default for Ada, and hold what it answers against what is promised of all answers."""
        request = make_request(operation, arguments, by or self.ada, client="a client", tool_use_id="toolu_1")
        reply = self.database.run_blocking(request.run, writes=request.writes)
        require_sound_reply(operation, reply)
        return reply

    def refused(self, operation: str, /, *, by: Session | None = None, **arguments: Any) -> Problem:
        """Run an operation that is to be refused; nothing may be written by it."""
        before = self.tables()
        try:
            reply = self.reply(operation, arguments, by)
        except Exception as error:
            problem = problem_of(error) or INTERNAL
            if problem is INTERNAL:
                raise
        else:
            raise AssertionError(f"{operation} was not refused: {reply.text[:500]}")
        assert self.tables() == before, "a refused call wrote"
        require_sound_problem(problem)
        return problem

    def tables(self) -> dict[str, list[tuple[Any, ...]]]:
        """Return the rows of all tables."""
        return self.database.run_blocking(lambda libraries: rows_of(libraries.connection), writes=False)

    def journal(self) -> list[Any]:
        """Return the whole journal."""
        return self.database.run_blocking(lambda libraries: libraries.journal.since(0), writes=False)

    def detach(self, session: Session) -> None:
        """End a session cleanly, as `serve` does."""
        self.database.run_blocking(lambda libraries: libraries.tasks.detach(session.holder), writes=True)

    def goal(self, name: str = "a goal", **more: Any) -> int:
        """Create a goal and return its id."""
        return int(self("create_goal", name=name, **more)["goal_id"])

    def task(self, title: str = "a task", **more: Any) -> int:
        """Create a task and return its id."""
        return int(self("create_task", title=title, **more)["task"]["task_id"])

    def claim(self, task_id: int, by: Session | None = None) -> str:
        """Claim a task and return the token."""
        return str(self("update_task_status", by=by, task_id=task_id, status="in_progress")["claim_token"])

    def settle(self, task_id: int, status: str = "completed", by: Session | None = None, **more: Any) -> dict[str, Any]:
        """Settle a task and return the answer."""
        return self("update_task_status", by=by, task_id=task_id, status=status, **more)

    def all_pages(self, operation: str, **arguments: Any) -> Iterator[dict[str, Any]]:
        """Follow a list from page to page."""
        page = self(operation, **arguments)
        yield page
        while page["next_cursor"] is not None:
            page = self(operation, cursor=page["next_cursor"], **arguments)
            yield page

    def whole(self, operation: str, **arguments: Any) -> str:
        """Put a long field together from its parts."""
        part = self(operation, **arguments)
        texts = [part["text"]]
        while part["next_offset"] is not None:
            part = self(operation, offset=part["next_offset"], **arguments)
            texts.append(part["text"])
        assert len("".join(texts).encode()) == part["bytes"]
        return "".join(texts)


def bob(worker: str = "bob") -> Session:
    """Return another session."""
    return Session(worker=worker, holder=f"the process of {worker}")


def rows_of(connection: Any) -> dict[str, list[tuple[Any, ...]]]:
    """Return the rows of all tables of a database."""
    names = connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name").fetchall()
    return {name: sorted(connection.execute(f"SELECT * FROM {name}").fetchall(), key=repr) for (name,) in names}


def require_sound_reply(operation: str, reply: Reply) -> None:
    """Hold a reply against its declared schema, its size, and its own text."""
    schema_of(operation).validate(reply.values)
    assert json.loads(reply.text) == reply.values
    assert reply.text == json.dumps(reply.values, ensure_ascii=False, separators=(",", ":"))
    assert len(reply.text.encode()) <= largest(operation), f"{operation} answered {len(reply.text.encode())} bytes"


def require_sound_problem(problem: Problem) -> None:
    """Hold an error against what is promised of all errors."""
    shown = problem.as_json()
    assert set(shown) == {"error"}
    assert set(shown["error"]) == {"code", "message", "hint", "details"}
    assert problem.code in CODES - {"internal"}
    assert problem.message
    assert "Traceback" not in problem.message
    text = json.dumps(shown, ensure_ascii=False)
    assert len(text.encode()) <= LARGEST_REPLY
    assert not DESTRUCTIVE.search(problem.hint or ""), problem.hint


@cache
def schema_of(operation: str) -> jsonschema.Draft202012Validator:
    return jsonschema.Draft202012Validator(output_schema(table()[operation].reply_classes))


def largest(operation: str) -> int:
    if operation == "runtime_overview":
        return LARGEST_OVERVIEW
    return LARGEST_PAGE if operation.startswith("list_") else LARGEST_REPLY


def make_file(path: Path) -> None:
    """Make a new database."""
    database = Database(path, Libraries, all_schemas, synchronous="NORMAL")
    database.run_blocking(lambda _libraries: None, writes=False)
    database.close()
