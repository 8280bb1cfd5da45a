"""What one instance's part in changes in force is made of."""

import socket
from collections.abc import Sequence
from typing import NamedTuple

from chassis.bus import Bus, Message, Reaction
from chassis.clock import steady_ns
from chassis.mongo import Store
from chassis.service import Worker
from services.enforcement.epochs.acknowledging import Beating, Following, Presence
from services.enforcement.epochs.freshness import Freshness
from services.enforcement.epochs.numberer import Numberer
from services.enforcement.state.feed import Feed
from services.enforcement.state.renewing import Renewing
from services.enforcement.state.world import World


class Parts(NamedTuple):
    """Whether the instance is fresh and how far it is, and the workers that are started before the feed and after it."""

    freshness: Freshness
    following: Following
    before: tuple[Worker, ...]
    after: tuple[Worker, ...]

    def goes_by_memory(self) -> bool:
        """Say whether the instance may go by its memory now."""
        return self.freshness.is_fresh(steady_ns())

    async def is_fresh(self) -> bool:
        """Say the same to those who ask for readiness."""
        return self.goes_by_memory()

    def epoch(self) -> int:
        """Return up to which epoch everything is applied here."""
        return self.following.acknowledged.epoch


class Remembering:
    """Hands a message to the reactions that it is for: what they have done already, they do not do again."""

    def __init__(self, reactions: Sequence[Reaction]) -> None:
        self._reactions = reactions

    async def remember(self, message: Message) -> None:
        """Let the reactions to its key deal with a message."""
        for reaction in self._reactions:
            if message.key in reaction.keys:
                await reaction.handle(message)


class Instance(NamedTuple):
    """The process that the parts are of: its id, and after how many seconds without a sign it is not fresh any more."""

    id: str
    fresh_seconds: float


def parts_of(instance: Instance, store: Store, bus: Bus, *, feed: Feed, world: World, reactions: Sequence[Reaction]) -> Parts:
    """Return the parts of an instance, ready to be started."""
    freshness = Freshness(instance.fresh_seconds)
    following = Following(instance.id, bus, feed, world=world, freshness=freshness)
    presence = Presence(store, instance.id, host=socket.gethostname(), following=following, freshness=freshness)
    remember = Remembering(reactions).remember
    numberer = Numberer(store, bus, feed, instance_id=instance.id, fresh_seconds=instance.fresh_seconds, remember=remember)
    after = (following, Beating(instance.id, bus), numberer, Renewing(store, instance.id))
    return Parts(freshness, following, (presence,), after)
