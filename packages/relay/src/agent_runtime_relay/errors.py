"""Errors about relays: each belongs to a family of the standard library and carries its ids."""

from agent_runtime_kernel.errors import AgentRuntimeError, InvalidValue
from agent_runtime_kernel.errors import SchemaTooNew as KernelSchemaTooNew

__all__ = [
    "AnotherPayload",
    "BatonClaimed",
    "BatonNotFound",
    "ForeignBaton",
    "IllegalTransition",
    "InvalidValue",
    "OutputNotFound",
    "PipelineNotFound",
    "RelayConflict",
    "RelayError",
    "SchemaTooNew",
    "StaleBaton",
]


class RelayError(AgentRuntimeError):
    """The base of this library's errors, which are about the state of what is stored."""


class PipelineNotFound(RelayError, LookupError):
    """There is no pipeline of this id."""

    code = "not_found"

    def __init__(self, pipeline_id: int) -> None:
        super().__init__(f"pipeline {pipeline_id} does not exist", "list_relay_pipelines names the pipelines there are")
        self.pipeline_id = pipeline_id


class BatonNotFound(RelayError, LookupError):
    """No pipeline ever issued this baton."""

    code = "not_found"

    def __init__(self, baton_id: str, pipeline_id: int) -> None:
        super().__init__(
            f"baton {baton_id} was never issued",
            f"get_relay_baton(pipeline_id={pipeline_id}) names the baton of pipeline {pipeline_id}",
        )
        self.baton_id = baton_id
        self.pipeline_id = pipeline_id


class OutputNotFound(RelayError, LookupError):
    """A pipeline has no output of this id, or none that could be adopted."""

    code = "not_found"

    def __init__(self, pipeline_id: int, output_id: int, kind: str = "output") -> None:
        super().__init__(
            f"pipeline {pipeline_id} has no {kind} {output_id}",
            f"get_relay_status(pipeline_id={pipeline_id}) names the outputs of its steps",
        )
        self.pipeline_id = pipeline_id
        self.output_id = output_id


class RelayConflict(RelayError, RuntimeError):
    """The request conflicts with another worker or with an earlier request; nothing was written."""

    code = "conflict"


class ForeignBaton(RelayConflict):
    """The baton belongs to another pipeline."""

    def __init__(self, baton_id: str, pipeline_id: int, owner_id: int) -> None:
        super().__init__(
            f"baton {baton_id} belongs to pipeline {owner_id}, not to pipeline {pipeline_id}",
            f"hand it on with pipeline_id={owner_id}, or ask get_relay_baton for the baton of pipeline {pipeline_id}",
        )
        self.baton_id = baton_id
        self.pipeline_id = pipeline_id
        self.owner_id = owner_id


class BatonClaimed(RelayConflict):
    """Another worker holds a live claim on the baton.

    Attributes:
        worker: the worker that holds it.
        expires_at: the end of its lease, in milliseconds since 1970.
    """

    def __init__(self, pipeline_id: int, baton_id: str, worker: str, expires_at: int) -> None:
        super().__init__(
            f"baton {baton_id} of pipeline {pipeline_id} is claimed by {worker}",
            "wait until its lease is over; whoever was given this baton_id by its holder hands it on with baton_id",
        )
        self.pipeline_id = pipeline_id
        self.baton_id = baton_id
        self.worker = worker
        self.expires_at = expires_at


class AnotherPayload(RelayConflict):
    """The baton was settled before, with other values; the first ones stand."""

    def __init__(self, pipeline_id: int, baton_id: str) -> None:
        super().__init__(
            f"baton {baton_id} of pipeline {pipeline_id} was settled before with other values, which stand",
            f"get_relay_baton(pipeline_id={pipeline_id}) names the baton to go on with",
        )
        self.pipeline_id = pipeline_id
        self.baton_id = baton_id


class StaleBaton(RelayError, RuntimeError):
    """Another attempt has replaced this baton.

    Attributes:
        orphan_output_id: the id of the late result that was kept, or None. It was written before this was raised: a
            transaction around the call keeps it by committing.
    """

    code = "stale_claim"
    keeps_writes = True

    def __init__(self, pipeline_id: int, baton_id: str, problem: str, orphan_output_id: int | None = None) -> None:
        kept = "" if orphan_output_id is None else f"; the late result is kept as output {orphan_output_id}"
        super().__init__(
            f"baton {baton_id} of pipeline {pipeline_id} {problem}{kept}",
            f"get_relay_baton(pipeline_id={pipeline_id}) names the baton to go on with",
        )
        self.pipeline_id = pipeline_id
        self.baton_id = baton_id
        self.orphan_output_id = orphan_output_id


class IllegalTransition(RelayError, RuntimeError):
    """The state of the pipeline does not allow this; nothing was written.

    Attributes:
        status: the status of the pipeline.
    """

    code = "illegal_transition"

    def __init__(self, pipeline_id: int, status: str, problem: str, hint: str) -> None:
        super().__init__(f"pipeline {pipeline_id} is {status}: {problem}", hint)
        self.pipeline_id = pipeline_id
        self.status = status


class SchemaTooNew(RelayError, KernelSchemaTooNew):
    """A newer version of the library wrote this database; the database is not touched."""
