"""What can be looked up about relays."""

import attrs

from .. import bounds
from .._model import Orphan, OutputPage, Relay, RelayPage
from ..bounds import Limit, Offset, OutputId, PipelineId, RelayStatus, Status
from .parts import Parts


@attrs.frozen
class Lookups(Parts):
    """The part of the relays of one database that reads only."""

    def status(self, pipeline_id: PipelineId) -> Relay:
        """Return a pipeline with its steps, scores and tokens.

        Args:
            pipeline_id: the number of the pipeline.

        Raises:
            PipelineNotFound: there is no such pipeline.
        """
        with self.snapshot():
            return self._readings.relay(bounds.PIPELINE_ID("pipeline_id", pipeline_id))

    def list(self, status: Status | None = None, *, limit: Limit = 50, after: int = 0) -> RelayPage:
        """Return a page of pipelines in the order of their ids.

        Args:
            status: only pipelines of this status.
            limit: pipelines at most, 1 to 200.
            after: the last id of the page before, 0 for the first page.

        Raises:
            InvalidValue: an argument is out of its bounds.
        """
        wanted = None if status is None else RelayStatus(bounds.STATUS("status", status))
        with self.snapshot():
            return self._readings.page(wanted, bounds.LIMIT("limit", limit), after)

    def output(self, pipeline_id: PipelineId, output_id: OutputId, *, offset: Offset = 0) -> OutputPage:
        """Return at most 24 KiB of an output.

        Args:
            pipeline_id: the number of the pipeline.
            output_id: the number of the output.
            offset: where to begin, in bytes: 0, then the next_offset of the page before.

        Raises:
            OutputNotFound: the pipeline has no such output.
            InvalidValue: the offset is past the end or inside a character.
        """
        return self._records.outputs.page(
            bounds.PIPELINE_ID("pipeline_id", pipeline_id), bounds.OUTPUT_ID("output_id", output_id), offset
        )

    def full_output(self, pipeline_id: PipelineId, output_id: OutputId) -> str:
        """Return the whole of an output, at most 1 MiB.

        Args:
            pipeline_id: the number of the pipeline.
            output_id: the number of the output.

        Raises:
            OutputNotFound: the pipeline has no such output.
        """
        return self._records.outputs.text(
            bounds.PIPELINE_ID("pipeline_id", pipeline_id), bounds.OUTPUT_ID("output_id", output_id)
        )

    def orphans(self, pipeline_id: PipelineId) -> tuple[Orphan, ...]:
        """Return the results that came after their attempts were given up, and that nobody has adopted.

        Args:
            pipeline_id: the number of the pipeline.

        Raises:
            PipelineNotFound: there is no such pipeline.
        """
        with self.snapshot():
            pipeline = self._records.pipelines.situation(bounds.PIPELINE_ID("pipeline_id", pipeline_id)).pipeline
            return self._records.outputs.orphans(pipeline.id)
