"""The pipelines of a database, their steps, and how many there are of each status."""

from collections.abc import Mapping, Sequence
from typing import Any

from agent_runtime_kernel.bounds import from_json, to_json
from agent_runtime_kernel.connection import Connection, Row

from .._rules.roles import Role
from .._rules.situation import Mission, Pipeline, Situation, Step
from ..bounds import RelayStatus
from ..errors import PipelineNotFound
from .attempts import ATTEMPT_COLUMNS, attempt_of

_PIPELINE_COLUMNS = (
    "id",
    "status",
    "reason",
    "current_step",
    "total_steps",
    "token_budget",
    "tokens_used",
    "quality_threshold",
    "l_score_threshold",
    "max_retries",
    "fallback_agents",
    "created_at",
    "updated_at",
)
_STEP_COLUMNS = ("step_index", "agent_type", "quality_threshold", "max_output_tokens")


def _of(table: str, columns: Sequence[str]) -> str:
    return ", ".join(f"{table}.{column}" for column in columns)


# Without the CAST, SQLite compiles a join anew for each value that is bound to an indexed column.
_SITUATION = f"""
    SELECT {_of("pipeline", _PIPELINE_COLUMNS)},
           {_of("step", _STEP_COLUMNS)},
           {_of("next_step", _STEP_COLUMNS)},
           {_of("live", ATTEMPT_COLUMNS)}
    FROM relay_pipelines AS pipeline
    LEFT JOIN relay_steps AS step
        ON step.pipeline_id = pipeline.id AND step.step_index = pipeline.current_step
    LEFT JOIN relay_steps AS next_step
        ON next_step.pipeline_id = pipeline.id AND next_step.step_index = pipeline.current_step + 1
    LEFT JOIN relay_attempts AS live
        ON live.pipeline_id = pipeline.id AND live.ended_at IS NULL
    WHERE pipeline.id = CAST(:id AS BIGINT)
    """
_WRITE = """
    UPDATE relay_pipelines
    SET reason = :reason,
        current_step = :current_step,
        token_budget = :token_budget,
        tokens_used = :tokens_used,
        quality_threshold = :quality_threshold,
        l_score_threshold = :l_score_threshold,
        max_retries = :max_retries,
        updated_at = :updated_at
    WHERE id = :id
    """
_WRITE_AND_MOVE = _WRITE.replace("SET ", "SET status = :status,\n        ", 1)
_STEP_FROM = len(_PIPELINE_COLUMNS)
_NEXT_STEP_FROM = _STEP_FROM + len(_STEP_COLUMNS)
_LIVE_FROM = _NEXT_STEP_FROM + len(_STEP_COLUMNS)


class Pipelines:
    """The pipelines of one database."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection

    def add(self, mission: Mission, roles: Sequence[Role], settings: Mapping[str, Any], now: int) -> int:
        """Write a pending pipeline with all its steps and return its id."""
        [(pipeline_id,)] = self.connection.execute(
            """
            INSERT INTO relay_pipelines
                (status, current_step, total_steps, token_budget, tokens_used, quality_threshold, l_score_threshold,
                 max_retries, fallback_agents, task_id, created_at, updated_at, name, goal, description)
            VALUES
                ('pending', 0, :total_steps, :token_budget, 0, :quality_threshold, :l_score_threshold,
                 :max_retries, :fallback_agents, :task_id, :now, :now, :name, :goal, :description)
            RETURNING id
            """,
            {
                **settings,
                "fallback_agents": to_json(settings["fallback_agents"]),
                "total_steps": len(roles),
                "now": now,
                "name": mission.name,
                "goal": mission.goal,
                "description": mission.description,
            },
        ).fetchall()
        self.connection.executemany(
            """
            INSERT INTO relay_steps (pipeline_id, step_index, agent_type, quality_threshold, max_output_tokens)
            VALUES (:pipeline_id, :step_index, :agent_type, :quality_threshold, :max_output_tokens)
            """,
            [
                {
                    "pipeline_id": pipeline_id,
                    "step_index": step_index,
                    "agent_type": role.name,
                    "quality_threshold": role.quality_threshold,
                    "max_output_tokens": role.max_output_tokens,
                }
                for step_index, role in enumerate(roles)
            ],
        )
        self._count([(RelayStatus.PENDING, 1)])
        return int(pipeline_id)

    def situation(self, pipeline_id: int) -> Situation:
        """Return all that a decision about a pipeline looks at, in one statement.

        Raises:
            PipelineNotFound: there is no such pipeline.
        """
        rows = self.connection.execute(_SITUATION, {"id": pipeline_id}).fetchall()
        if not rows:
            raise PipelineNotFound(pipeline_id)
        [row] = rows
        return Situation(
            pipeline=_pipeline(row[:_STEP_FROM]),
            step=None if row[_STEP_FROM] is None else _step(row[_STEP_FROM:_NEXT_STEP_FROM]),
            next_step=None if row[_NEXT_STEP_FROM] is None else _step(row[_NEXT_STEP_FROM:_LIVE_FROM]),
            live=None if row[_LIVE_FROM] is None else attempt_of(row[_LIVE_FROM:]),
        )

    def mission(self, pipeline_id: int) -> Mission:
        """Return what a pipeline is for."""
        [(name, goal, description)] = self.connection.execute(
            """
            SELECT name, goal, description
            FROM relay_pipelines
            WHERE id = :id
            """,
            {"id": pipeline_id},
        ).fetchall()
        return Mission(name=name, goal=goal, description=description)

    def steps(self, pipeline_id: int) -> tuple[Step, ...]:
        """Return the steps of a pipeline in their order."""
        rows = self.connection.execute(
            f"""
            SELECT {", ".join(_STEP_COLUMNS)}
            FROM relay_steps
            WHERE pipeline_id = :id
            ORDER BY step_index
            """,
            {"id": pipeline_id},
        ).fetchall()
        return tuple(map(_step, rows))

    def set_thresholds(self, pipeline_id: int, thresholds: Mapping[int, float]) -> None:
        """Write from which quality the outputs of some steps are accepted."""
        self.connection.executemany(
            """
            UPDATE relay_steps
            SET quality_threshold = :threshold
            WHERE pipeline_id = :pipeline_id AND step_index = :step_index
            """,
            [
                {"pipeline_id": pipeline_id, "step_index": step_index, "threshold": threshold}
                for step_index, threshold in sorted(thresholds.items())
            ],
        )

    def set_fallbacks(self, pipeline_id: int, fallback_agents: Mapping[str, str], now: int) -> None:
        """Write who stands in for whom."""
        self.connection.execute(
            """
            UPDATE relay_pipelines
            SET fallback_agents = :fallback_agents,
                updated_at = :now
            WHERE id = :id
            """,
            {"id": pipeline_id, "fallback_agents": to_json(fallback_agents), "now": now},
        )

    def page(self, status: RelayStatus | None, limit: int, after: int) -> list[Row]:
        """Return what a list shows of at most so many pipelines after an id."""
        condition = "" if status is None else "AND status = :status"
        bindings = {"after": after, "limit": limit} | ({} if status is None else {"status": str(status)})
        return self.connection.execute(
            f"""
            SELECT id, name, status, current_step, total_steps, tokens_used, created_at
            FROM relay_pipelines
            WHERE id > :after {condition}
            ORDER BY id
            LIMIT :limit
            """,
            bindings,
        ).fetchall()

    def counts(self) -> Mapping[RelayStatus, int]:
        """Return how many pipelines have each status."""
        rows = self.connection.execute("SELECT status, pipelines FROM relay_counts").fetchall()
        return {RelayStatus(status): count for status, count in rows}

    def write(self, before: Pipeline, after: Pipeline) -> None:
        """Write what may change in a pipeline, and keep the counts; an unchanged status costs no index."""
        moved = after.status is not before.status
        self.connection.execute(
            _WRITE_AND_MOVE if moved else _WRITE,
            {
                "id": after.id,
                "status": str(after.status),
                "reason": after.reason,
                "current_step": after.current_step,
                "token_budget": after.token_budget,
                "tokens_used": after.tokens_used,
                "quality_threshold": after.quality_threshold,
                "l_score_threshold": after.l_score_threshold,
                "max_retries": after.max_retries,
                "updated_at": after.updated_at,
            },
        )
        if moved:
            self._count([(before.status, -1), (after.status, 1)])

    def _count(self, deltas: Sequence[tuple[RelayStatus, int]]) -> None:
        """Keep the maintained counts; rows are written in the order of their keys, so that writers can't cross."""
        self.connection.executemany(
            """
            UPDATE relay_counts
            SET pipelines = relay_counts.pipelines + :delta
            WHERE status = :status
            """,
            [{"status": str(status), "delta": delta} for status, delta in sorted(deltas)],
        )


def _pipeline(row: Row) -> Pipeline:
    return Pipeline(
        id=row[0],
        status=RelayStatus(row[1]),
        reason=row[2],
        current_step=row[3],
        total_steps=row[4],
        token_budget=row[5],
        tokens_used=row[6],
        quality_threshold=row[7],
        l_score_threshold=row[8],
        max_retries=row[9],
        fallback_agents=from_json(row[10]),
        created_at=row[11],
        updated_at=row[12],
    )


def _step(row: Row) -> Step:
    return Step(index=row[0], agent_type=row[1], quality_threshold=row[2], max_output_tokens=row[3])
