"""What a bus wants to exist on its connection, whichever connection that is."""

import asyncio
from dataclasses import dataclass, field

from chassis.bus import Listener, Reaction


@dataclass(slots=True)
class Plan:
    """What shall exist on every connection, now and after each reconnection."""

    backoff_seconds: tuple[float, ...]
    delivery_limit: int
    reactions: dict[str, Reaction] = field(default_factory=dict)
    consumed: set[str] = field(default_factory=set)
    listeners: list[Listener] = field(default_factory=list)
    at_work: set[asyncio.Task[None]] = field(default_factory=set)  # handlers, whichever connection they began on
