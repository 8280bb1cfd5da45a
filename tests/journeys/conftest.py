"""What several journeys share."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from tests.journeys.two_organizations import World, two_organizations


@pytest.fixture(scope="session")
async def world(platform: Any) -> AsyncIterator[World]:
    """Two organizations on the platform in this process."""
    async with two_organizations(platform) as made:
        yield made
