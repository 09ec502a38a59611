"""The runner of relays: it runs real agents, one after the other, through crashes. It needs the extra `runner`."""

from .._work.prompt import fenced
from .assignment import Assignment
from .programs.environment import PASSED_ON
from .programs.process import ProgramEnded, run_program
from .programs.warden import Warden
from .results.agents import Agent, CommandAgent
from .results.checks import CommandCheck, Examination, GateCheck, MatchesSchema, MinimumLength, Reviewer
from .results.result import AgentFailed, AgentResult
from .running.backoff import Backoff
from .running.configuration import InvalidConfiguration, crew_of_command, read_crew, split_command
from .running.crew import Crew, NoAgent, Post
from .running.events import (
    AttemptFailed,
    AttemptSuperseded,
    Event,
    RunEnded,
    RunStarted,
    StepCompleted,
    StepStarted,
    Waiting,
)
from .running.folder import Folder, FolderUnusable
from .running.relay_access import DirectAccess, RelayAccess
from .running.runner import Runner
from .running.work import Superseded, attended

Desk = RelayAccess
Direct = DirectAccess

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
    "DirectAccess",
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
    "RelayAccess",
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
