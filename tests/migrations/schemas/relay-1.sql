CREATE TABLE relay_schema (id INTEGER PRIMARY KEY CHECK (id = 1), version INTEGER NOT NULL);
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
            ;
CREATE TABLE relay_steps (
                pipeline_id INTEGER NOT NULL REFERENCES relay_pipelines (id),
                step_index INTEGER NOT NULL CHECK (step_index BETWEEN 0 AND 255),
                agent_type TEXT NOT NULL,
                quality_threshold REAL NOT NULL CHECK (quality_threshold BETWEEN 0 AND 1),
                max_output_tokens INTEGER NOT NULL CHECK (max_output_tokens >= 1),
                PRIMARY KEY (pipeline_id, step_index)
            ) STRICT, WITHOUT ROWID
            ;
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
            ;
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
            ;
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
            ;
INSERT INTO relay_schema (id, version) VALUES (1, 1);
INSERT INTO relay_pipelines (id, status, reason, current_step, total_steps, token_budget, tokens_used, quality_threshold, l_score_threshold, max_retries, fallback_agents, task_id, created_at, updated_at, name, goal, description) VALUES (1, 'in_progress', NULL, 1, 2, 100000, 5, NULL, 0.3, 3, '{}', NULL, 1800000000000, 1800000000000, 'a relay', 'a goal', '');
INSERT INTO relay_steps (pipeline_id, step_index, agent_type, quality_threshold, max_output_tokens) VALUES (1, 0, 'researcher', 0.6, 6000);
INSERT INTO relay_steps (pipeline_id, step_index, agent_type, quality_threshold, max_output_tokens) VALUES (1, 1, 'writer', 0.6, 4000);
INSERT INTO relay_outputs (id, pipeline_id, step_index, attempt, late, quality_score, l_score, tokens_used, entity_id, sources, confidence, relevance, checks, sha256, created_at, bytes, summary, text) VALUES (1, 1, 0, 1, 0, 1.0, 1.0, 5, NULL, '[]', '[]', '[]', '[]', '557bf944b8c2f7b5ac98cd9894438f6b645f006e4f726e74fd307871d8d3c87a', 1800000000000, 6000, '', 'éééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééé');
INSERT INTO relay_attempts (pipeline_id, step_index, attempt, baton_id, state, agent_offered, agent_assigned, route_reason, last_resort, retry_reason, depth, created_at, ended_at, worker, holder, permit_id, claimed_at, lease_ms, expires_at, tokens_used, tokens_total, tokens_left, attempts_left, output_id, outcome, quality_score, l_score, score_source, quality_threshold, l_score_threshold, handoff_ms, failure_type, error) VALUES (1, 0, 1, '1.1.1.25b8adde13cc', 'accepted', 'researcher', 'researcher', 'own_step', 0, NULL, 1, 1800000000000, 1800000000000, NULL, NULL, NULL, NULL, NULL, NULL, 5, 5, 99995, 3, 1, 'advanced', 1.0, 1.0, 'self', 0.6, 0.3, 0.0, NULL, NULL);
INSERT INTO relay_attempts (pipeline_id, step_index, attempt, baton_id, state, agent_offered, agent_assigned, route_reason, last_resort, retry_reason, depth, created_at, ended_at, worker, holder, permit_id, claimed_at, lease_ms, expires_at, tokens_used, tokens_total, tokens_left, attempts_left, output_id, outcome, quality_score, l_score, score_source, quality_threshold, l_score_threshold, handoff_ms, failure_type, error) VALUES (1, 1, 1, '1.2.1.f6a0b4a5771c', 'claimed', 'writer', 'writer', 'own_step', 0, NULL, 2, 1800000000000, NULL, 'caller', NULL, 'abc3a8ec03e388e8af3d4738', 1800000000000, 900000, 1800000900000, 0, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL);
INSERT INTO relay_counts (status, pipelines) VALUES ('cancelled', 0);
INSERT INTO relay_counts (status, pipelines) VALUES ('completed', 0);
INSERT INTO relay_counts (status, pipelines) VALUES ('failed', 0);
INSERT INTO relay_counts (status, pipelines) VALUES ('in_progress', 1);
INSERT INTO relay_counts (status, pipelines) VALUES ('paused', 0);
INSERT INTO relay_counts (status, pipelines) VALUES ('pending', 0);
CREATE INDEX relay_pipelines_by_status ON relay_pipelines (status, id);
CREATE INDEX relay_late_outputs ON relay_outputs (pipeline_id, id) WHERE late = 1;
CREATE UNIQUE INDEX relay_live_batons
            ON relay_attempts (pipeline_id)
            WHERE ended_at IS NULL
            ;
