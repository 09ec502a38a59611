"""The runner of relays: real agents, one after the other, through crashes. It needs the extra `runner`."""

from .._prompt import fenced
from ._agents import PASSED_ON, Agent, Assignment, CommandAgent
from ._backoff import Backoff
from ._checks import CommandCheck, Examination, GateCheck, MatchesSchema, MinimumLength, Reviewer
from ._configuration import InvalidConfiguration, crew_of_command, read_crew, split_command
from ._crew import Crew, NoAgent, Post
from ._desk import Desk, Direct
from ._events import AttemptFailed, AttemptSuperseded, Event, RunEnded, RunStarted, StepCompleted, StepStarted, Waiting
from ._folder import Folder, FolderUnusable
from ._process import ProgramEnded, run_program
from ._results import AgentFailed, AgentResult
from ._runner import Runner
from ._warden import Warden
from ._work import Superseded, attended

__all__ = [
    "PASSED_ON",
    "Agent",
    "AgentFailed",
    "AgentResult",
    "Assignment",
    "AttemptFailed",
    "AttemptSuperseded",
    "Backoff",
    "CommandAgent",
    "CommandCheck",
    "Crew",
    "Desk",
    "Direct",
    "Event",
    "Examination",
    "Folder",
    "FolderUnusable",
    "GateCheck",
    "InvalidConfiguration",
    "MatchesSchema",
    "MinimumLength",
    "NoAgent",
    "Post",
    "ProgramEnded",
    "Reviewer",
    "RunEnded",
    "RunStarted",
    "Runner",
    "StepCompleted",
    "StepStarted",
    "Superseded",
    "Waiting",
    "Warden",
    "attended",
    "crew_of_command",
    "fenced",
    "read_crew",
    "run_program",
    "split_command",
]
