"""The tables of one database, together."""

from agent_runtime_kernel.connection import Connection

from .._rules.situation import Attempt
from ..errors import BatonNotFound, ForeignBaton
from .attempts import Attempts
from .outputs import Outputs
from .pipelines import Pipelines


class Records:
    """The pipelines, attempts and outputs of one database."""

    def __init__(self, connection: Connection) -> None:
        self.pipelines = Pipelines(connection)
        self.attempts = Attempts(connection)
        self.outputs = Outputs(connection)

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
