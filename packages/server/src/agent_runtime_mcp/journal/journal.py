"""The journal: one row for each committed effect, and the stored replies that make a repeated request harmless.

A row is written in the transaction of its effect, so that there is never one without the other. Rows are numbered
without a gap. A request with a `request_id` is stored with the fingerprint of its arguments and its reply; the same
request again gets that reply, and the same id with other arguments is a conflict.

Arguments are shown to people: tokens are masked, long texts are cut, and control characters are removed.
"""

import json
from collections.abc import Callable, Mapping
from hashlib import sha256
from typing import Any

import attrs

from agent_runtime_kernel.bounds import Text, to_json
from agent_runtime_kernel.connection import Connection
from agent_runtime_kernel.schema import Migration, Schema

from ..errors import Conflict, SchemaTooNew

_TABLES_OF_0_1 = (
    """
    CREATE TABLE server_sequence (
        name TEXT PRIMARY KEY,
        value INTEGER NOT NULL CHECK (value >= 0)
    ) STRICT
    """,
    "INSERT INTO server_sequence (name, value) VALUES ('journal', 0)",
    """
    CREATE TABLE server_journal (
        seq INTEGER PRIMARY KEY,
        at INTEGER NOT NULL,
        worker TEXT NOT NULL,
        client TEXT,
        tool_use_id TEXT,
        operation TEXT NOT NULL,
        subject TEXT NOT NULL,
        arguments TEXT NOT NULL,
        request_id TEXT,
        fingerprint TEXT,
        reply TEXT,
        CHECK ((request_id IS NULL) = (reply IS NULL))
    ) STRICT
    """,
    """
    CREATE UNIQUE INDEX server_journal_by_request
    ON server_journal (worker, operation, request_id)
    WHERE request_id IS NOT NULL
    """,
)

SCHEMA = Schema(
    "server",
    (Migration("tables of 0.1", _TABLES_OF_0_1),),
    too_new=SchemaTooNew,
)

_LONGEST_ARGUMENT = 4 * 1024  # bytes
_LONGEST_NAME = 200  # characters of the name of a client
_LINE = Text(one_line=True)
_TEXT = Text()
_SECRET = frozenset({"claim_token", "permit_id", "baton_id"})


@attrs.frozen(kw_only=True, eq=False, repr=False)
class Entry:
    """One effect to record.

    Attributes:
        worker: the caller's name.
        client: the name of the client program, or None.
        tool_use_id: the client's id of the call, or None.
        operation: the name of the operation.
        subject: the thing that it changed, such as "task 7".
        arguments: the validated arguments.
        request_id: the caller's id of the request, or None.
        reply: the reply to store for a repetition; None without a request_id.
    """

    worker: str
    client: str | None
    tool_use_id: str | None
    operation: str
    subject: str
    arguments: Mapping[str, Any]
    request_id: str | None
    reply: str | None


@attrs.frozen(kw_only=True)
class Event:
    """One row of the journal; `at` is in milliseconds since 1970."""

    seq: int
    at: int
    worker: str
    client: str | None
    tool_use_id: str | None
    operation: str
    subject: str
    arguments: Mapping[str, Any]
    request_id: str | None


class Journal:
    """The journal of one database.

    Args:
        connection: the open connection.
        clock: returns the time in seconds since 1970.
    """

    def __init__(self, connection: Connection, clock: Callable[[], float]) -> None:
        self.connection = connection
        self.clock = clock

    def replay(self, worker: str, operation: str, request_id: str, arguments: Mapping[str, Any]) -> str | None:
        """Return the stored reply of a repeated request, or None for a new one.

        Raises:
            Conflict: the request_id was used with other arguments.
        """
        row = self.connection.execute(
            """
            SELECT fingerprint, reply
            FROM server_journal
            WHERE worker = :worker AND operation = :operation AND request_id = :request_id
            """,
            {"worker": worker, "operation": operation, "request_id": request_id},
        ).fetchone()
        if row is None:
            return None
        if row[0] != _fingerprint(arguments):
            raise Conflict(
                f"request_id {request_id} was used for {operation} with other arguments",
                "use a new request_id for a new request, and the same arguments to repeat one",
            )
        return str(row[1])

    def write(self, entry: Entry) -> None:
        """Write a row with the next number, in the transaction of its effect."""
        [(seq,)] = self.connection.execute(
            """
            UPDATE server_sequence
            SET value = server_sequence.value + 1
            WHERE name = 'journal'
            RETURNING value
            """
        ).fetchall()
        self.connection.execute(
            """
            INSERT INTO server_journal
                (seq, at, worker, client, tool_use_id, operation, subject, arguments, request_id, fingerprint, reply)
            VALUES (
                :seq, :at, :worker, :client, :tool_use_id, :operation, :subject, :arguments, :request_id, :fingerprint,
                :reply
            )
            """,
            {
                "seq": seq,
                "at": round(self.clock() * 1000),
                "worker": entry.worker,
                "client": _name("client", entry.client),
                "tool_use_id": _name("tool_use_id", entry.tool_use_id),
                "operation": entry.operation,
                "subject": entry.subject,
                "arguments": to_json(_shown(entry.arguments)),
                "request_id": entry.request_id,
                "fingerprint": None if entry.request_id is None else _fingerprint(entry.arguments),
                "reply": entry.reply,
            },
        )

    def since(self, seq: int, limit: int = 1000) -> list[Event]:
        """Return the rows after a number, oldest first."""
        rows = self.connection.execute(
            """
            SELECT seq, at, worker, client, tool_use_id, operation, subject, arguments, request_id
            FROM server_journal
            WHERE seq > :seq
            ORDER BY seq
            LIMIT :limit
            """,
            {"seq": seq, "limit": limit},
        ).fetchall()
        return [
            Event(
                seq=row[0],
                at=row[1],
                worker=row[2],
                client=row[3],
                tool_use_id=row[4],
                operation=row[5],
                subject=row[6],
                arguments=json.loads(row[7]),
                request_id=row[8],
            )
            for row in rows
        ]


def _fingerprint(arguments: Mapping[str, Any]) -> str:
    return sha256(json.dumps(arguments, sort_keys=True).encode()).hexdigest()


def _shown(arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Return arguments fit to be shown: tokens masked, texts cut, without control characters."""
    return {name: _cleaned(name, _masked_or_cut(name, value)) for name, value in arguments.items()}


def _masked_or_cut(name: str, value: Any) -> Any:
    if name in _SECRET and value is not None:
        return "***"
    if isinstance(value, str):
        return _cut(value)
    text = to_json(value)
    return value if len(text.encode()) <= _LONGEST_ARGUMENT else _cut(text)


def _cut(text: str) -> str:
    return text.encode()[:_LONGEST_ARGUMENT].decode(errors="ignore")


def _cleaned(name: str, value: Any) -> Any:
    if isinstance(value, str):
        return _TEXT(name, value)
    if isinstance(value, Mapping):
        return {_cleaned(name, key): _cleaned(name, item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_cleaned(name, item) for item in value]
    return value


def _name(field: str, text: str | None) -> str | None:
    """Return any name that a client gave, fit to be stored and printed."""
    if text is None:
        return None
    return _LINE(field, text[:_LONGEST_NAME].replace("\x00", "").encode(errors="replace").decode())
