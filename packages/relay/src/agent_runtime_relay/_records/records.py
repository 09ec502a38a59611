"""The tables of one database, together."""

import attrs

from agent_runtime_kernel.connection import Connection

from .._rules.state import Attempt
from ..errors import BatonNotFound, ForeignBaton
from .attempts import Attempts
from .outputs import Outputs
from .pipelines import Pipelines


@attrs.frozen(kw_only=True)
class Records:
    """The pipelines, attempts and outputs of one database."""

    pipelines: Pipelines
    attempts: Attempts
    outputs: Outputs

    def settled(self, pipeline_id: int, baton_id: str) -> Attempt:
        """Return the attempt of a baton that is not the live one.

        Raises:
            BatonNotFound: it was never issued.
            ForeignBaton: another pipeline issued it.
        """
        attempt = self.attempts.find(baton_id)
        if attempt is None:
            raise BatonNotFound(baton_id, pipeline_id)
        if attempt.pipeline_id != pipeline_id:
            raise ForeignBaton(baton_id, pipeline_id, attempt.pipeline_id)
        return attempt


def records(connection: Connection) -> Records:
    """Return the tables behind a connection."""
    return Records(
        pipelines=Pipelines(connection),
        attempts=Attempts(connection),
        outputs=Outputs(connection),
    )
