"""A pipeline with somebody at hand who hands in what is good or bad, without saying each score each time."""

import contextlib

import attrs

from agent_runtime_relay import Relays

GOOD = {"quality_score": 0.9, "l_score": 0.9, "tokens_used": 100}
BAD = {**GOOD, "quality_score": 0.2}


@attrs.frozen
class Team:
    relays: Relays
    pipeline_id: int
    first_baton: str

    @classmethod
    def of(cls, relays, *agents, **settings):
        created = relays.create("Survey", "What is known about tea?", agents, **settings)
        return cls(relays, created.pipeline_id, created.baton_id)

    def hand_in(self, baton_id=None, **values):
        return self.relays.advance(self.pipeline_id, baton_id=baton_id, **{**GOOD, **values})

    def fail_gate(self, baton_id=None, **values):
        return self.relays.advance(self.pipeline_id, baton_id=baton_id, **{**BAD, **values})

    def retry(self, reason=None):
        return self.relays.retry(self.pipeline_id, self.status.current_step, reason)

    def read(self):
        return self.relays.baton(self.pipeline_id)

    def claim(self, worker="ann", **arguments):
        return self.relays.baton(self.pipeline_id, claim=True, worker=worker, **arguments)

    def update(self, **changes):
        return self.relays.update(self.pipeline_id, **changes)

    @property
    def status(self):
        return self.relays.status(self.pipeline_id)

    @property
    def live(self):
        """The id of the live baton, or None, whether or not it may be worked on."""
        rows = self.relays.connection.execute(
            "SELECT baton_id FROM relay_attempts WHERE pipeline_id = :id AND ended_at IS NULL", {"id": self.pipeline_id}
        ).fetchall()
        return rows[0][0] if rows else None

    @contextlib.contextmanager
    def unchanged(self):
        """Assert that nothing is written in the body."""
        before = everything(self.relays.connection)
        yield
        assert everything(self.relays.connection) == before


def everything(connection):
    """Return all rows of all tables of the library."""
    tables = ("pipelines", "steps", "attempts", "outputs", "counts")
    return {
        table: connection.execute(f"SELECT * FROM relay_{table} ORDER BY 1, 2, 3").fetchall() for table in tables[:-1]
    } | {"counts": connection.execute("SELECT * FROM relay_counts ORDER BY status").fetchall()}
