"""Migrations: in SQL or as functions, applied once, recorded, and never half."""

import apsw
import pytest

from agent_runtime_kernel.errors import AgentRuntimeError, SchemaTooNew
from agent_runtime_kernel.schema import Migration, Schema

FIRST = Migration("notes", ("CREATE TABLE notes_notes (id INTEGER PRIMARY KEY, text TEXT NOT NULL) STRICT",))


def upper_all(connection):
    rows = connection.execute("SELECT id, text FROM notes_notes ORDER BY id").fetchall()
    changed = [{"id": number, "text": text.upper()} for number, text in rows]
    connection.executemany("UPDATE notes_notes SET text = :text WHERE id = :id", changed)


SECOND = Migration("upper case", (upper_all, "CREATE INDEX notes_by_text ON notes_notes (text, id)"))


@pytest.fixture
def notes(connection):
    """A database with the first version and a row."""
    Schema("notes", (FIRST,)).migrate(connection, lambda: 5.0)
    connection.execute("INSERT INTO notes_notes (text) VALUES ('a')")
    return connection


def records(connection):
    return connection.execute("SELECT version, name, applied_at FROM notes_migrations ORDER BY version").fetchall()


def test_steps_may_be_sql_or_functions_and_run_once(notes, clock):
    schema = Schema("notes", (FIRST, SECOND))
    assert schema.migrate(notes, lambda: 7.0) == 1
    assert schema.migrate(notes, lambda: 9.0) == 0
    assert notes.execute("SELECT text FROM notes_notes").fetchall() == [("A",)]
    assert schema.version(notes) == 2


def test_name_and_time_of_each_migration_are_recorded(notes):
    Schema("notes", (FIRST, SECOND)).migrate(notes, lambda: 7.0)
    assert records(notes) == [(1, "notes", 5000), (2, "upper case", 7000)]


def test_a_file_without_records_gets_one_of_the_version_that_is_found_without_a_time(notes):
    notes.execute("DROP TABLE notes_migrations")
    first = Schema("notes", (FIRST,))
    first.migrate(notes)
    assert records(notes) == [(1, "notes", None)]
    [(fingerprint,)] = notes.execute("SELECT fingerprint FROM notes_migrations").fetchall()
    assert fingerprint == first.fingerprint(notes)
    Schema("notes", (FIRST, SECOND)).migrate(notes, lambda: 7.0)
    assert records(notes) == [(1, "notes", None), (2, "upper case", 7000)]


def test_a_migration_that_fails_leaves_the_tables_as_they_were(notes):
    def fail(_connection):
        raise LookupError

    with pytest.raises(LookupError):
        Schema("notes", (FIRST, SECOND, Migration("fails", (fail,)))).migrate(notes)
    assert Schema("notes", (FIRST,)).version(notes) == 1
    assert notes.execute("SELECT text FROM notes_notes").fetchall() == [("a",)]
    assert records(notes) == [(1, "notes", 5000)]


def test_the_fingerprint_is_that_of_the_definitions_whatever_blanks_they_have(connection):
    spaced = Migration("notes", (FIRST.steps[0].replace(" ", "\n   "),))
    schema = Schema("notes", (FIRST, SECOND))
    schema.migrate(connection)
    other = apsw.Connection(":memory:")
    Schema("notes", (spaced, SECOND)).migrate(other)
    stored = [row[0] for row in connection.execute("SELECT fingerprint FROM notes_migrations ORDER BY version")]
    assert stored == [row[0] for row in other.execute("SELECT fingerprint FROM notes_migrations ORDER BY version")]
    assert stored[0] != stored[1] == schema.fingerprint(connection)


@pytest.mark.parametrize(
    "alteration",
    [
        "ALTER TABLE notes_notes ADD COLUMN more TEXT",
        "DROP INDEX notes_by_text",
        "CREATE INDEX notes_more ON notes_notes (id, text)",
        "CREATE TRIGGER notes_trigger AFTER INSERT ON notes_notes BEGIN SELECT 1; END",
    ],
)
def test_the_fingerprint_tells_that_something_else_altered_the_tables(connection, alteration):
    schema = Schema("notes", (FIRST, SECOND))
    schema.migrate(connection)
    before = schema.fingerprint(connection)
    connection.execute("CREATE TABLE others (id INTEGER)")
    assert schema.fingerprint(connection) == before
    connection.execute(alteration)
    assert schema.fingerprint(connection) != before


def test_newer_tables_are_refused_and_left_as_they_are(notes):
    class NotesTooNew(SchemaTooNew):
        """The tables are newer than this library of notes."""

    Schema("notes", (FIRST, SECOND)).migrate(notes)
    with pytest.raises(NotesTooNew, match="the notes tables have schema version 2; this version knows 1") as refused:
        Schema("notes", (FIRST,), NotesTooNew).migrate(notes)
    assert isinstance(refused.value, AgentRuntimeError)
    assert (refused.value.code, refused.value.found, refused.value.known) == ("storage", 2, 1)


def test_blanks_have_no_meaning_but_in_quotes():
    def fingerprint(sql):
        connection = apsw.Connection(":memory:")
        connection.transaction_mode = "IMMEDIATE"
        schema = Schema("notes", (Migration("notes", (sql,)),))
        schema.migrate(connection)
        return schema.fingerprint(connection)

    first = fingerprint("CREATE TABLE notes_a (a TEXT CHECK (a IN ('x, y', 'z')))")
    assert fingerprint("CREATE TABLE notes_a(\n  a TEXT\n  CHECK ( a IN ('x, y','z') )\n)") == first
    assert fingerprint("CREATE TABLE notes_a (a TEXT CHECK (a IN ('x,y', 'z')))") != first
