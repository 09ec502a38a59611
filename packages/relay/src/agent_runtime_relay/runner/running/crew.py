"""Who works on the steps of a pipeline, and how their work is checked."""

from collections.abc import Mapping, Sequence

import attrs

from ...errors import RelayError
from ..programs.agents import TIME_LIMIT, Agent
from ..results.checks import GateCheck


class NoAgent(RelayError, LookupError):
    """A runner has no agent for a step."""

    code = "invalid"

    def __init__(self, agent: str) -> None:
        super().__init__(f"no agent is configured for {agent}", "name a command for it, or one for all agents")
        self.agent = agent


@attrs.frozen(kw_only=True)
class Post:
    """How one agent is run.

    Attributes:
        agent: the agent.
        time_limit: seconds that it may take for a step.
        checks: what its output is checked by, where the step is its own.
    """

    agent: Agent
    time_limit: float = TIME_LIMIT
    checks: Sequence[GateCheck] = ()


@attrs.frozen(kw_only=True)
class Crew:
    """The agents that a runner has.

    Attributes:
        posts: by the name of an agent type, or of an agent that stands in.
        default: for all others; None where there is nobody else.
        thresholds: the quality from which the output of an agent type is accepted, in place of its role's.
        fallbacks: who stands in for an agent, where the pipeline does not say.
    """

    posts: Mapping[str, Post] = attrs.field(factory=dict)
    default: Post | None = None
    thresholds: Mapping[str, float] = attrs.field(factory=dict)
    fallbacks: Mapping[str, str] = attrs.field(factory=dict)

    def post(self, agent: str) -> Post | None:
        """Return how an agent is run; None where nobody knows."""
        return self.posts.get(agent, self.default)

    def checks(self, agent_type: str) -> Sequence[GateCheck]:
        """Return the checks on the output of a step, whoever did it."""
        post = self.post(agent_type)
        return () if post is None else post.checks


def crew_of(agents: "Crew | Mapping[str, Agent] | Agent") -> Crew:
    """Return a crew: of one agent for all steps, or of agents by their names."""
    if isinstance(agents, Crew):
        return agents
    if isinstance(agents, Mapping):
        return Crew(posts={name: Post(agent=agent) for name, agent in agents.items()})
    return Crew(default=Post(agent=agents))
