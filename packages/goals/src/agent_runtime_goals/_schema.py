"""The tables of goals."""

from agent_runtime_kernel.schema import Migration, Schema

from .errors import SchemaTooNew

_TABLES_OF_0_1 = (
    """
    CREATE TABLE goals_goals (
        id INTEGER PRIMARY KEY,
        name TEXT NOT NULL CHECK (length(name) BETWEEN 1 AND 500),
        description TEXT NOT NULL,
        status TEXT NOT NULL CHECK (status IN ('active', 'paused', 'completed', 'cancelled')),
        parent_id INTEGER REFERENCES goals_goals (id) CHECK (parent_id <> id),
        acceptance_criteria TEXT NOT NULL,
        outcome TEXT,
        metadata TEXT NOT NULL,
        created_at INTEGER NOT NULL,
        updated_at INTEGER NOT NULL,
        completed_at INTEGER,
        CHECK ((status = 'completed') = (completed_at IS NOT NULL))
    ) STRICT
    """,
    "CREATE INDEX goals_by_status ON goals_goals (status, id)",
    "CREATE INDEX goals_by_parent ON goals_goals (parent_id, id) WHERE parent_id IS NOT NULL",
    """
    CREATE TABLE goals_counts (
        status TEXT PRIMARY KEY CHECK (status IN ('active', 'paused', 'completed', 'cancelled')),
        goals INTEGER NOT NULL CHECK (goals >= 0)
    ) STRICT
    """,
    """
    INSERT INTO goals_counts (status, goals)
    VALUES ('active', 0), ('cancelled', 0), ('completed', 0), ('paused', 0)
    """,
)

SCHEMA = Schema(
    "goals",
    (Migration("tables of 0.1", _TABLES_OF_0_1),),
    too_new=SchemaTooNew,
)
