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


@pytest.fixture
def office(relays, clock, tmp_path):
    """What a runner needs; it takes the extra `runner`."""
    from running import Office

    from agent_runtime_relay.runner import Warden

    with Warden() as warden:
        yield Office(relays, clock, tmp_path, warden)
