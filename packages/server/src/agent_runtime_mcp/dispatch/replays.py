"""Replays: the check that a claim or permit in a stored reply is still current."""

from collections.abc import Mapping
from typing import Any

from ..errors import StaleReply
from ..runtime.libraries import Libraries


def require_current(libraries: Libraries, request_id: str, values: Mapping[str, Any]) -> None:
    """Refuse to repeat a reply whose claim or permit is over, as it would mislead.

    Args:
        libraries: the libraries that know the claim.
        request_id: the id of the repeated request.
        values: the stored reply.

    Raises:
        StaleReply: the claim or permit in the reply is no longer current.
    """
    if values.get("claim_token") is not None and values.get("task") is not None:
        task_id = values["task"]["task_id"]
        if not libraries.tasks.is_current(task_id, values["claim_token"]):
            raise StaleReply(
                f"request {request_id} claimed task {task_id}, and that claim is over",
                "call get_next_task with a new request_id to claim another task",
                {"task_id": task_id},
            )
    elif values.get("admitted") and values.get("permit_id") is not None:
        agent_id = values["agent_id"]
        if not libraries.breakers.is_current(agent_id, values["permit_id"]):
            raise StaleReply(
                f"request {request_id} was granted a permit of agent {agent_id}, which is settled or void",
                "call circuit_breaker_acquire with a new request_id",
                {"agent_id": agent_id},
            )
    elif values.get("claim") is not None and values.get("baton") is not None:
        pipeline_id, baton_id = values["pipeline_id"], values["baton"]["baton_id"]
        reading = libraries.relays.baton(pipeline_id)
        held_by = reading.claim.worker if reading.claim is not None and reading.claim.live else None
        is_live = reading.baton is not None and reading.baton.baton_id == baton_id
        if not is_live or held_by != values["claim"]["worker"]:
            raise StaleReply(
                f"request {request_id} claimed baton {baton_id} of pipeline {pipeline_id}, and that claim is over",
                "call get_relay_baton with a new request_id",
                {"pipeline_id": pipeline_id, "baton_id": baton_id},
            )
