"""What the tests of relays share."""

import pytest
from handing_in import Team

from agent_runtime_relay import Relays


@pytest.fixture
def relays(connection, clock):
    relays = Relays(connection, clock=clock)
    relays.migrate()
    return relays


@pytest.fixture
def team(relays):
    """Three agents in a row: one, two, three."""
    return Team.of(relays, "one", "two", "three")
