"""A crew: the agents for the steps of a pipeline, with their time limits and the checks of their output."""

from collections.abc import Mapping, Sequence

import attrs

from ...errors import RelayError
from ..assignment import TIME_LIMIT
from ..results.agents import Agent
from ..results.checks import GateCheck


class NoAgent(RelayError, LookupError):
    """A crew has no agent for a step."""

    code = "invalid"

    def __init__(self, agent: str) -> None:
        super().__init__(f"no agent is configured for {agent}", "name a command for it, or one for all agents")
        self.agent = agent


@attrs.frozen(kw_only=True)
class Post:
    """An agent with its time limit and the checks of its output.

    Attributes:
        agent: the agent.
        time_limit: seconds that it may take for a step.
        checks: the checks of its output, if the step is its own and it does not stand in for another.
    """

    agent: Agent
    time_limit: float = TIME_LIMIT
    checks: Sequence[GateCheck] = ()


@attrs.frozen(kw_only=True)
class Crew:
    """The agents of a runner.

    Attributes:
        posts: by the name of an agent type, or of an agent that stands in.
        default: the post for all other names; None if there is none.
        thresholds: the quality from which the output of an agent type is accepted, in place of its role's.
        fallbacks: the agent that stands in for another, if the pipeline does not name one.
    """

    posts: Mapping[str, Post] = attrs.field(factory=dict)
    default: Post | None = None
    thresholds: Mapping[str, float] = attrs.field(factory=dict)
    fallbacks: Mapping[str, str] = attrs.field(factory=dict)

    def post(self, agent: str) -> Post | None:
        """Return the post for an agent name, or None if there is none."""
        return self.posts.get(agent, self.default)

    def checks(self, agent_type: str) -> Sequence[GateCheck]:
        """Return the checks of the output of a step, whichever agent did it."""
        post = self.post(agent_type)
        return () if post is None else post.checks


def crew_of(agents: "Crew | Mapping[str, Agent] | Agent") -> Crew:
    """Return a crew as it is, or make one of a single agent for all steps, or of agents by name."""
    if isinstance(agents, Crew):
        return agents
    if isinstance(agents, Mapping):
        return Crew(posts={name: Post(agent=agent) for name, agent in agents.items()})
    return Crew(default=Post(agent=agents))
