CREATE TABLE goals_schema (id INTEGER PRIMARY KEY CHECK (id = 1), version INTEGER NOT NULL);
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
            ;
CREATE TABLE goals_counts (
                status TEXT PRIMARY KEY CHECK (status IN ('active', 'paused', 'completed', 'cancelled')),
                goals INTEGER NOT NULL CHECK (goals >= 0)
            ) STRICT
            ;
INSERT INTO goals_schema (id, version) VALUES (1, 1);
INSERT INTO goals_goals (id, name, description, status, parent_id, acceptance_criteria, outcome, metadata, created_at, updated_at, completed_at) VALUES (1, 'a goal', 'xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx', 'active', NULL, '[]', NULL, '{}', 1800000000000, 1800000000000, NULL);
INSERT INTO goals_goals (id, name, description, status, parent_id, acceptance_criteria, outcome, metadata, created_at, updated_at, completed_at) VALUES (2, 'a sub-goal', '', 'active', 1, '[]', NULL, '{}', 1800000000000, 1800000000000, NULL);
INSERT INTO goals_goals (id, name, description, status, parent_id, acceptance_criteria, outcome, metadata, created_at, updated_at, completed_at) VALUES (3, 'a paused goal', '', 'paused', NULL, '[]', NULL, '{}', 1800000000000, 1800000000000, NULL);
INSERT INTO goals_counts (status, goals) VALUES ('active', 2);
INSERT INTO goals_counts (status, goals) VALUES ('cancelled', 0);
INSERT INTO goals_counts (status, goals) VALUES ('completed', 0);
INSERT INTO goals_counts (status, goals) VALUES ('paused', 1);
CREATE INDEX goals_by_status ON goals_goals (status, id);
CREATE INDEX goals_by_parent ON goals_goals (parent_id, id) WHERE parent_id IS NOT NULL;
