"""The roles that agents play, and presets of them."""

from collections.abc import Mapping, Sequence
from typing import Any

import attrs

from agent_runtime_kernel.bounds import Items, Text

from ..errors import InvalidValue

AGENT = Text(min_length=1, max_length=200, exact=True)
_AGENTS = Items(item=AGENT, min_items=1, max_items=256)


@attrs.frozen(kw_only=True)
class Role:
    """The demands on an agent that plays a role.

    Attributes:
        name: the agent type.
        max_output_tokens: the greatest number of tokens that it may write.
        quality_threshold: the quality from which its output is handed on, 0.0 to 1.0.
        duty: its work as a sentence.
        expected_output_type: the kind of output that it hands on.
    """

    name: str
    max_output_tokens: int
    quality_threshold: float
    duty: str
    expected_output_type: str


_KNOWN = (
    ("researcher", 6000, 0.6, "Gather what is known, and where it is known from.", "findings with their sources"),
    ("analyzer", 5000, 0.7, "Work out what the findings mean and how they bear on each other.", "analysis"),
    ("synthesizer", 4000, 0.7, "Join what was found into one account that does not contradict itself.", "synthesis"),
    ("validator", 3000, 0.8, "Check each claim against its evidence and name those that do not hold.", "verdicts"),
    ("formatter", 4000, 0.6, "Bring the result into the form that its readers need; change no content.", "document"),
    (
        "domain_expert",
        5000,
        0.7,
        "Judge the matter with the knowledge of its field and add what it lacks.",
        "assessment",
    ),
    ("cross_validator", 4000, 0.8, "Test the result by another way than it was reached.", "verdicts and differences"),
)
ROLES: Mapping[str, Role] = {
    name: Role(
        name=name,
        max_output_tokens=max_output_tokens,
        quality_threshold=quality_threshold,
        duty=duty,
        expected_output_type=expected_output_type,
    )
    for name, max_output_tokens, quality_threshold, duty, expected_output_type in _KNOWN
}
PRESETS: Mapping[str, tuple[str, ...]] = {
    "quick": ("researcher", "synthesizer", "formatter"),
    "standard": ("researcher", "analyzer", "synthesizer", "validator", "formatter"),
    "deep": (
        "researcher",
        "domain_expert",
        "analyzer",
        "synthesizer",
        "validator",
        "cross_validator",
        "formatter",
    ),
}


def role(agent_type: str) -> Role:
    """Return the known role of this name, or a custom one."""
    known = ROLES.get(agent_type)
    if known is not None:
        return known
    return Role(
        name=agent_type,
        max_output_tokens=4000,
        quality_threshold=0.6,
        duty="Do the part of the mission that your name says.",
        expected_output_type="result",
    )


@attrs.frozen(kw_only=True)
class AgentTypes:
    """A list of 1 to 256 agent types, or the name of a preset that stands for one."""

    def __call__(self, name: str, value: object) -> tuple[str, ...]:
        """Return the agent types in their order.

        Raises:
            InvalidValue: it is neither a list of agent types nor a preset's name.
        """
        if not isinstance(value, str):
            return _AGENTS(name, value)
        if value not in PRESETS:
            raise InvalidValue(
                name,
                f"is {value[:80]!r}, which is not a preset ({', '.join(PRESETS)})",
                f'for one agent: ["{value[:80]}"]',
            )
        return PRESETS[value]

    @property
    def words(self) -> tuple[str, ...]:
        """The presets, each of which stands for a list."""
        return tuple(PRESETS)

    @property
    def schema(self) -> dict[str, Any]:
        """The bounds in the words of JSON Schema."""
        return {**_AGENTS.schema, "type": ["array", "string"]}


@attrs.frozen(kw_only=True)
class Fallbacks:
    """The bound of a mapping from agent types to their fallback agents."""

    def __call__(self, name: str, value: object) -> dict[str, str]:
        """Return the object.

        Raises:
            InvalidValue: it is not an object of agent ids, or an agent would stand in for itself.
        """
        if not isinstance(value, Mapping):
            raise InvalidValue(name, "must be an object of agent types and the agents that stand in for them")
        fallbacks = {AGENT(f"a key of {name}", key): AGENT(f"{name}[{key!r}]", agent) for key, agent in value.items()}
        for agent_type, agent in fallbacks.items():
            if agent_type == agent:
                raise InvalidValue(name, f"lets {agent!r} stand in for itself")
        return fallbacks

    @property
    def schema(self) -> dict[str, Any]:
        """The bounds in the words of JSON Schema."""
        return {"type": "object", "additionalProperties": AGENT.schema}


def require_known_types(fallbacks: Mapping[str, str], agent_types: Sequence[str]) -> None:
    """Refuse a fallback for an agent that the pipeline does not have.

    Raises:
        InvalidValue: it names the agent.
    """
    for agent_type in fallbacks:
        if agent_type not in agent_types:
            raise InvalidValue("fallback_agents", f"names {agent_type!r}, which is not an agent of this pipeline")
