"""The tables of this library.

A task's `state` is its status, with pending split by readiness. A task's readiness and a group's status are derived
from the columns `open_dependencies` to `children_hurt`, which each write keeps up to date. `offer` is the sort key of
the ready queue, NULL for a task that is not offered: twice the priority, plus one if an ended session left the task in
progress.

The CHECKs compare with OR: for an IN of three or more words SQLite builds a table each time that a row is written.
"""

from agent_runtime_kernel.schema import Migration, Schema

from ..errors import SchemaTooNew

_TABLES_OF_0_1 = (
    """
    CREATE TABLE tasks_tasks (
        id INTEGER PRIMARY KEY,
        goal_id INTEGER,
        parent_id INTEGER REFERENCES tasks_tasks (id) CHECK (parent_id <> id),
        state TEXT NOT NULL
            CHECK (
                state = 'ready'
                OR state = 'waiting'
                OR state = 'unreachable'
                OR state = 'group'
                OR state = 'in_progress'
                OR state = 'completed'
                OR state = 'failed'
                OR state = 'cancelled'
            ),
        offer INTEGER CHECK (offer IS NULL OR state IN ('ready', 'in_progress')),
        wake_at INTEGER CHECK (wake_at IS NULL OR state = 'waiting'),
        priority INTEGER NOT NULL CHECK (priority BETWEEN 1 AND 10),
        pinned INTEGER NOT NULL DEFAULT 0 CHECK (pinned IN (0, 1)),
        not_before INTEGER,
        open_dependencies INTEGER NOT NULL DEFAULT 0 CHECK (open_dependencies >= 0),
        dead_dependencies INTEGER NOT NULL DEFAULT 0 CHECK (dead_dependencies >= 0),
        open_above INTEGER NOT NULL DEFAULT 0 CHECK (open_above IN (0, 1)),
        dead_above INTEGER NOT NULL DEFAULT 0 CHECK (dead_above IN (0, 1)),
        children INTEGER NOT NULL DEFAULT 0 CHECK (children >= 0),
        children_completed INTEGER NOT NULL DEFAULT 0 CHECK (children_completed >= 0),
        children_cancelled INTEGER NOT NULL DEFAULT 0 CHECK (children_cancelled >= 0),
        children_failed INTEGER NOT NULL DEFAULT 0 CHECK (children_failed >= 0),
        children_hurt INTEGER NOT NULL DEFAULT 0 CHECK (children_hurt >= 0),
        attempts INTEGER NOT NULL DEFAULT 0 CHECK (attempts >= 0),
        max_attempts INTEGER NOT NULL CHECK (max_attempts BETWEEN 1 AND 100),
        fence INTEGER NOT NULL DEFAULT 0 CHECK (fence >= 0),
        created_at INTEGER NOT NULL,
        updated_at INTEGER NOT NULL,
        started_at INTEGER,
        completed_at INTEGER,
        settled_by TEXT,
        title TEXT NOT NULL CHECK (length(title) BETWEEN 1 AND 500),
        description TEXT NOT NULL,
        acceptance_criteria TEXT NOT NULL,
        metadata TEXT NOT NULL,
        result TEXT,
        error TEXT,
        CHECK (state <> 'ready' OR offer IS NOT NULL),
        CHECK ((state = 'completed') = (completed_at IS NOT NULL)),
        CHECK (children = 0 OR (state <> 'ready' AND state <> 'waiting' AND state <> 'in_progress')),
        CHECK (children_completed + children_cancelled + children_failed <= children)
    ) STRICT
    """,
    "CREATE INDEX tasks_offered ON tasks_tasks (offer DESC, id) WHERE offer IS NOT NULL",
    "CREATE INDEX tasks_offered_in_goal ON tasks_tasks (goal_id, offer DESC, id) WHERE offer IS NOT NULL",
    "CREATE INDEX tasks_waking ON tasks_tasks (wake_at, id) WHERE wake_at IS NOT NULL",
    "CREATE INDEX tasks_waking_in_goal ON tasks_tasks (goal_id, wake_at, id) WHERE wake_at IS NOT NULL",
    "CREATE INDEX tasks_by_state ON tasks_tasks (state, id)",
    "CREATE INDEX tasks_by_goal ON tasks_tasks (goal_id, state, id) WHERE goal_id IS NOT NULL",
    "CREATE INDEX tasks_by_parent ON tasks_tasks (parent_id, id) WHERE parent_id IS NOT NULL",
    """
    CREATE TABLE tasks_dependencies (
        task_id INTEGER NOT NULL REFERENCES tasks_tasks (id),
        depends_on_id INTEGER NOT NULL REFERENCES tasks_tasks (id) CHECK (depends_on_id <> task_id),
        PRIMARY KEY (task_id, depends_on_id)
    ) STRICT, WITHOUT ROWID
    """,
    "CREATE INDEX tasks_dependents ON tasks_dependencies (depends_on_id, task_id)",
    """
    CREATE TABLE tasks_claims (
        task_id INTEGER PRIMARY KEY REFERENCES tasks_tasks (id),
        worker TEXT NOT NULL,
        holder TEXT,
        token TEXT NOT NULL,
        fence INTEGER NOT NULL,
        lease INTEGER NOT NULL CHECK (lease > 0),
        started_at INTEGER NOT NULL,
        expires_at INTEGER NOT NULL,
        lapsed INTEGER NOT NULL DEFAULT 0 CHECK (lapsed IN (0, 1)),
        detached INTEGER NOT NULL DEFAULT 0 CHECK (detached IN (0, 1)),
        note TEXT,
        CHECK (detached <= lapsed)
    ) STRICT
    """,
    "CREATE INDEX tasks_claims_by_worker ON tasks_claims (worker, task_id)",
    "CREATE INDEX tasks_claims_by_holder ON tasks_claims (lapsed, holder, task_id) WHERE holder IS NOT NULL",
    "CREATE INDEX tasks_claims_by_expiry ON tasks_claims (expires_at, task_id) WHERE lapsed = 0",
    """
    CREATE TABLE tasks_attempts (
        task_id INTEGER NOT NULL REFERENCES tasks_tasks (id),
        fence INTEGER NOT NULL,
        worker TEXT NOT NULL,
        started_at INTEGER NOT NULL,
        ended_at INTEGER NOT NULL,
        outcome TEXT NOT NULL
            CHECK (
                outcome = 'completed'
                OR outcome = 'failed'
                OR outcome = 'released'
                OR outcome = 'detached'
                OR outcome = 'lost'
                OR outcome = 'cancelled'
            ),
        settled_by TEXT,
        error TEXT,
        note TEXT,
        ended_with TEXT,
        PRIMARY KEY (task_id, fence)
    ) STRICT, WITHOUT ROWID
    """,
    """
    CREATE TABLE tasks_counts (
        goal_id INTEGER PRIMARY KEY CHECK (goal_id >= 0),
        ready INTEGER NOT NULL DEFAULT 0 CHECK (ready >= 0),
        waiting INTEGER NOT NULL DEFAULT 0 CHECK (waiting >= 0),
        unreachable INTEGER NOT NULL DEFAULT 0 CHECK (unreachable >= 0),
        in_progress INTEGER NOT NULL DEFAULT 0 CHECK (in_progress >= 0),
        completed INTEGER NOT NULL DEFAULT 0 CHECK (completed >= 0),
        failed INTEGER NOT NULL DEFAULT 0 CHECK (failed >= 0),
        cancelled INTEGER NOT NULL DEFAULT 0 CHECK (cancelled >= 0),
        groups INTEGER NOT NULL DEFAULT 0 CHECK (groups >= 0)
    ) STRICT
    """,
    """
    CREATE TABLE tasks_holds (
        goal_id INTEGER PRIMARY KEY
    ) STRICT
    """,
)

SCHEMA = Schema(
    "tasks",
    (Migration("tables of 0.1", _TABLES_OF_0_1),),
    too_new=SchemaTooNew,
)
