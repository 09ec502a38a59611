"""The tables of this library.

Handing a baton on is the write that matters, so it touches few pages: the attempts of a pipeline lie side by side, so
that settling one and issuing the next is one page; a baton is found by the key that its id carries, not by an index of
its own; steps hardly ever change; and what a reply said is derived from the attempt that it was about.

The states are spelled out with OR: for an IN of three words and more SQLite builds a table with a page cache of its own
each time that a row is written.
"""

from agent_runtime_kernel.schema import Migration, Schema

from ..errors import SchemaTooNew

_TABLES_OF_0_1 = (
    """
    CREATE TABLE relay_pipelines (
        id INTEGER PRIMARY KEY,
        status TEXT NOT NULL
            CHECK (
                status = 'pending'
                OR status = 'in_progress'
                OR status = 'paused'
                OR status = 'completed'
                OR status = 'failed'
                OR status = 'cancelled'
            ),
        reason TEXT,
        current_step INTEGER NOT NULL CHECK (current_step BETWEEN 0 AND total_steps),
        total_steps INTEGER NOT NULL CHECK (total_steps BETWEEN 1 AND 256),
        token_budget INTEGER NOT NULL CHECK (token_budget >= 1),
        tokens_used INTEGER NOT NULL CHECK (tokens_used >= 0),
        quality_threshold REAL CHECK (quality_threshold BETWEEN 0 AND 1),
        l_score_threshold REAL NOT NULL CHECK (l_score_threshold BETWEEN 0 AND 1),
        max_retries INTEGER NOT NULL CHECK (max_retries >= 0),
        fallback_agents TEXT NOT NULL,
        task_id INTEGER,
        created_at INTEGER NOT NULL,
        updated_at INTEGER NOT NULL,
        name TEXT NOT NULL CHECK (length(name) BETWEEN 1 AND 500),
        goal TEXT NOT NULL,
        description TEXT NOT NULL,
        CHECK ((status = 'completed') = (current_step = total_steps))
    ) STRICT
    """,
    "CREATE INDEX relay_pipelines_by_status ON relay_pipelines (status, id)",
    """
    CREATE TABLE relay_steps (
        pipeline_id INTEGER NOT NULL REFERENCES relay_pipelines (id),
        step_index INTEGER NOT NULL CHECK (step_index BETWEEN 0 AND 255),
        agent_type TEXT NOT NULL,
        quality_threshold REAL NOT NULL CHECK (quality_threshold BETWEEN 0 AND 1),
        max_output_tokens INTEGER NOT NULL CHECK (max_output_tokens >= 1),
        PRIMARY KEY (pipeline_id, step_index)
    ) STRICT, WITHOUT ROWID
    """,
    """
    CREATE TABLE relay_outputs (
        id INTEGER PRIMARY KEY,
        pipeline_id INTEGER NOT NULL,
        step_index INTEGER NOT NULL,
        attempt INTEGER NOT NULL,
        late INTEGER NOT NULL CHECK (late IN (0, 1)),
        quality_score REAL CHECK (quality_score BETWEEN 0 AND 1),
        l_score REAL CHECK (l_score BETWEEN 0 AND 1),
        tokens_used INTEGER NOT NULL CHECK (tokens_used >= 0),
        entity_id INTEGER,
        sources TEXT NOT NULL,
        confidence TEXT NOT NULL,
        relevance TEXT NOT NULL,
        checks TEXT NOT NULL,
        sha256 TEXT NOT NULL CHECK (length(sha256) = 64),
        created_at INTEGER NOT NULL,
        bytes INTEGER NOT NULL CHECK (bytes >= 0),
        summary TEXT NOT NULL,
        text TEXT NOT NULL,
        FOREIGN KEY (pipeline_id, step_index) REFERENCES relay_steps (pipeline_id, step_index)
    ) STRICT
    """,
    "CREATE INDEX relay_late_outputs ON relay_outputs (pipeline_id, id) WHERE late = 1",
    """
    CREATE TABLE relay_attempts (
        pipeline_id INTEGER NOT NULL,
        step_index INTEGER NOT NULL,
        attempt INTEGER NOT NULL CHECK (attempt >= 1),
        baton_id TEXT NOT NULL,
        state TEXT NOT NULL
            CHECK (
                state = 'ready'
                OR state = 'claimed'
                OR state = 'accepted'
                OR state = 'rejected'
                OR state = 'failed'
                OR state = 'lost'
                OR state = 'cancelled'
            ),
        agent_offered TEXT NOT NULL,
        agent_assigned TEXT,
        route_reason TEXT NOT NULL
            CHECK (
                route_reason = 'own_step'
                OR route_reason = 'retries_exhausted'
                OR route_reason = 'pipeline_fallback'
                OR route_reason = 'breaker_fallback'
            ),
        last_resort INTEGER NOT NULL CHECK (last_resort IN (0, 1)),
        retry_reason TEXT,
        depth INTEGER NOT NULL CHECK (depth >= 1),
        created_at INTEGER NOT NULL,
        ended_at INTEGER,
        worker TEXT,
        holder TEXT,
        permit_id TEXT,
        claimed_at INTEGER,
        lease_ms INTEGER,
        expires_at INTEGER,
        tokens_used INTEGER NOT NULL CHECK (tokens_used >= 0),
        tokens_total INTEGER,
        tokens_left INTEGER,
        attempts_left INTEGER,
        output_id INTEGER REFERENCES relay_outputs (id),
        outcome TEXT
            CHECK (
                outcome = 'advanced'
                OR outcome = 'completed'
                OR outcome = 'gate_failed'
                OR outcome = 'budget_exhausted'
                OR outcome = 'blocked'
            ),
        quality_score REAL,
        l_score REAL,
        score_source TEXT,
        quality_threshold REAL,
        l_score_threshold REAL,
        handoff_ms REAL,
        failure_type TEXT,
        error TEXT,
        PRIMARY KEY (pipeline_id, step_index, attempt),
        FOREIGN KEY (pipeline_id, step_index) REFERENCES relay_steps (pipeline_id, step_index),
        CHECK ((state = 'ready' OR state = 'claimed') = (ended_at IS NULL)),
        CHECK ((state = 'accepted' OR state = 'rejected') = (outcome IS NOT NULL)),
        CHECK ((outcome IS NOT NULL OR failure_type IS NOT NULL) = (tokens_total IS NOT NULL)),
        CHECK ((state = 'failed') = (failure_type IS NOT NULL)),
        CHECK (state <> 'ready' OR worker IS NULL),
        CHECK (state <> 'claimed' OR worker IS NOT NULL),
        CHECK ((worker IS NULL) = (expires_at IS NULL) AND (worker IS NULL) = (lease_ms IS NULL))
    ) STRICT, WITHOUT ROWID
    """,
    """
    CREATE UNIQUE INDEX relay_live_batons
    ON relay_attempts (pipeline_id)
    WHERE ended_at IS NULL
    """,
    """
    CREATE TABLE relay_counts (
        status TEXT PRIMARY KEY
            CHECK (
                status = 'pending'
                OR status = 'in_progress'
                OR status = 'paused'
                OR status = 'completed'
                OR status = 'failed'
                OR status = 'cancelled'
            ),
        pipelines INTEGER NOT NULL CHECK (pipelines >= 0)
    ) STRICT
    """,
    """
    INSERT INTO relay_counts (status, pipelines)
    VALUES ('cancelled', 0), ('completed', 0), ('failed', 0), ('in_progress', 0), ('paused', 0), ('pending', 0)
    """,
)

SCHEMA = Schema(
    "relay",
    (Migration("tables of 0.1", _TABLES_OF_0_1),),
    too_new=SchemaTooNew,
)
