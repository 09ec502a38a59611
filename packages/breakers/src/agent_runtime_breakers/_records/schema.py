"""The tables of this library.

A breaker's `shown_state` and `half_opens_at` are derived from the rest of its row, so that a list of open or half-open
breakers reads an index: an open breaker shows as half open from `half_opens_at` on. The number of outcomes in a window
is a difference of two counts: all so far, minus those before its oldest outcome or before it was last cleared.

Words are spelled out with OR: for an IN of three or more, SQLite builds a table each time a row is written.
"""

from agent_runtime_kernel.schema import Migration, Schema

from ..errors import SchemaTooNew

_TABLES_OF_0_1 = (
    """
    CREATE TABLE breakers_breakers (
        agent_id TEXT PRIMARY KEY CHECK (length(agent_id) BETWEEN 1 AND 200),
        state TEXT NOT NULL
            CHECK (state = 'closed' OR state = 'open' OR state = 'half_open'),
        generation INTEGER NOT NULL CHECK (generation >= 0),
        opened_at INTEGER,
        trip_count INTEGER NOT NULL,
        consecutive_trips INTEGER NOT NULL CHECK (consecutive_trips BETWEEN 0 AND trip_count),
        probe_successes INTEGER NOT NULL CHECK (probe_successes >= 0),
        probes_lost INTEGER NOT NULL CHECK (probes_lost >= 0),
        throttled_since INTEGER,
        throttled_until INTEGER,
        total_failures INTEGER NOT NULL CHECK (total_failures >= 0),
        total_successes INTEGER NOT NULL CHECK (total_successes >= 0),
        last_failure_at INTEGER,
        last_success_at INTEGER,
        counted_failures INTEGER NOT NULL CHECK (counted_failures >= cleared_failures),
        counted_successes INTEGER NOT NULL CHECK (counted_successes >= cleared_successes),
        cleared_failures INTEGER NOT NULL CHECK (cleared_failures >= 0),
        cleared_successes INTEGER NOT NULL CHECK (cleared_successes >= 0),
        transitions INTEGER NOT NULL CHECK (transitions >= 0),
        shown_state TEXT NOT NULL
            CHECK (shown_state = 'closed' OR shown_state = 'open' OR shown_state = 'half_open'),
        half_opens_at INTEGER CHECK (half_opens_at IS NULL OR shown_state = 'open'),
        mode TEXT NOT NULL
            CHECK (mode = 'normal' OR mode = 'forced_open' OR mode = 'disabled' OR mode = 'metrics_only'),
        failure_threshold INTEGER NOT NULL CHECK (failure_threshold >= 1),
        window_seconds REAL NOT NULL CHECK (window_seconds > 0),
        cooldown_seconds REAL NOT NULL CHECK (cooldown_seconds >= 0),
        success_threshold INTEGER NOT NULL CHECK (success_threshold >= 1),
        half_open_max_calls INTEGER NOT NULL CHECK (half_open_max_calls >= 1),
        probe_lease_seconds REAL NOT NULL CHECK (probe_lease_seconds > 0),
        fallback_agent TEXT CHECK (fallback_agent <> agent_id),
        failure_rate_threshold REAL CHECK (failure_rate_threshold > 0 AND failure_rate_threshold <= 1),
        minimum_calls INTEGER NOT NULL CHECK (minimum_calls >= 1),
        slow_call_seconds REAL CHECK (slow_call_seconds >= 0),
        cooldown_multiplier REAL NOT NULL CHECK (cooldown_multiplier >= 1),
        max_cooldown_seconds REAL NOT NULL CHECK (max_cooldown_seconds >= 0),
        CHECK ((state = 'closed') = (opened_at IS NULL)),
        CHECK ((throttled_since IS NULL) = (throttled_until IS NULL)),
        CHECK (state = 'half_open' OR (probe_successes = 0 AND probes_lost = 0))
    ) STRICT, WITHOUT ROWID
    """,
    "CREATE INDEX breakers_by_shown_state ON breakers_breakers (shown_state, agent_id, half_opens_at)",
    """
    CREATE TABLE breakers_outcomes (
        agent_id TEXT NOT NULL REFERENCES breakers_breakers (agent_id),
        failed INTEGER NOT NULL CHECK (failed IN (0, 1)),
        at INTEGER NOT NULL,
        number INTEGER NOT NULL,
        counted_before INTEGER NOT NULL CHECK (counted_before >= 0 AND counted_before < number),
        failure_type TEXT,
        error_message TEXT,
        PRIMARY KEY (agent_id, failed, at, number),
        CHECK (failed = 1 OR (failure_type IS NULL AND error_message IS NULL)),
        CHECK (failed = 0 OR (failure_type IS NOT NULL AND error_message IS NOT NULL))
    ) STRICT, WITHOUT ROWID
    """,
    """
    CREATE TABLE breakers_permits (
        agent_id TEXT NOT NULL REFERENCES breakers_breakers (agent_id),
        permit_id TEXT NOT NULL,
        generation INTEGER NOT NULL CHECK (generation >= 0),
        kind TEXT NOT NULL CHECK (kind IN ('normal', 'probe')),
        worker TEXT,
        holder TEXT,
        granted_at INTEGER NOT NULL,
        expires_at INTEGER NOT NULL CHECK (expires_at > granted_at),
        lost INTEGER NOT NULL DEFAULT 0 CHECK (lost IN (0, 1)),
        outcome TEXT,
        tripped INTEGER NOT NULL DEFAULT 0 CHECK (tripped IN (0, 1)),
        recovered INTEGER NOT NULL DEFAULT 0 CHECK (recovered IN (0, 1)),
        PRIMARY KEY (agent_id, permit_id),
        CHECK (lost = 0 OR kind = 'probe'),
        CHECK (tripped + recovered = 0 OR outcome IS NOT NULL)
    ) STRICT, WITHOUT ROWID
    """,
    "CREATE INDEX breakers_permits_by_age ON breakers_permits (granted_at, agent_id, permit_id)",
    """
    CREATE INDEX breakers_probes_in_flight ON breakers_permits (agent_id, generation, permit_id)
    WHERE kind = 'probe' AND outcome IS NULL AND lost = 0
    """,
    """
    CREATE TABLE breakers_transitions (
        agent_id TEXT NOT NULL REFERENCES breakers_breakers (agent_id),
        number INTEGER NOT NULL CHECK (number >= 1),
        at INTEGER NOT NULL,
        cause TEXT NOT NULL,
        reason TEXT NOT NULL,
        state_before TEXT NOT NULL
            CHECK (state_before = 'closed' OR state_before = 'open' OR state_before = 'half_open'),
        state_after TEXT NOT NULL
            CHECK (state_after = 'closed' OR state_after = 'open' OR state_after = 'half_open'),
        generation INTEGER NOT NULL CHECK (generation >= 0),
        PRIMARY KEY (agent_id, number)
    ) STRICT, WITHOUT ROWID
    """,
)

SCHEMA = Schema(
    "breakers",
    (Migration("tables of 0.1", _TABLES_OF_0_1),),
    too_new=SchemaTooNew,
)
