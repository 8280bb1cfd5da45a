"""Who is told how an upstream is found: its provider's members. For everybody else there is nothing to tell."""

from collections.abc import Sequence
from datetime import timedelta
from typing import NamedTuple

from chassis.mongo import Reader
from services.enforcement.proxy.resolving import Resolver
from services.enforcement.state.upstreams import PRODUCTION, THE_SANDBOX, Upstream
from services.enforcement.state.world import World
from services.enforcement.upstreams.domain import Problem, State, Tried
from services.enforcement.upstreams.trying import Attempts, Target


class Named(NamedTuple):
    """An upstream as the asker knows it: of another one of the same version nothing is told."""

    version_id: str
    url: str

    def is_met_by(self, upstream: Upstream) -> bool:
        """Say whether this is the upstream that is meant."""
        return f"{upstream.origin}{upstream.prefix}" == self.url.rstrip("/")


class Upstreams:
    """The door to how upstreams are found."""

    def __init__(self, world: World, resolver: Resolver, attempts: Attempts) -> None:
        self._world = world
        self._resolver = resolver
        self._attempts = attempts

    async def start(self) -> None:
        """Wait to be asked."""

    async def close(self) -> None:
        """Connect to nothing any more."""
        await self._attempts.close()

    async def states(self, reader: Reader, asked: Sequence[Named | None]) -> list[State | None]:
        """Return how each is found; None where it is not the asker's, or has not been looked at yet."""
        upstreams = [None if each is None else self._visible(reader, each) for each in asked]
        found = {each: self._found(reader, each) for each in upstreams if each is not None}
        targets = [Target(each, self._resolver.addresses_of(each.origin) or ()) for each, state in found.items() if state]
        reached = [each for each in targets if each.addresses]
        tried = dict(zip((each.upstream for each in reached), await self._attempts.look(reached), strict=True))
        told = {each: _with(state, tried.get(each)) for each, state in found.items() if state is not None}
        return [None if each is None else told.get(each) for each in upstreams]

    def _visible(self, reader: Reader, named: Named) -> Upstream | None:
        upstream = self._world.upstream_of(named.version_id, PRODUCTION)
        if upstream is THE_SANDBOX or not named.is_met_by(upstream):
            return None
        return upstream if reader.principal.is_member(upstream.organization_id) else None

    def _found(self, reader: Reader, upstream: Upstream) -> State | None:
        known = self._resolver.found(upstream.origin)
        if known is None:
            return None
        is_answered = known.problem != Problem.NAME_NOT_RESOLVED or bool(known.addresses)
        resolved_at = reader.now - timedelta(seconds=known.seconds_ago) if is_answered else None
        return State(resolved_at, len(known.addresses), None if known.problem is None else Problem(known.problem))


def _with(state: State, tried: Tried | None) -> State:
    problem = state.problem or (None if tried is None else tried.problem)
    return state._replace(problem=problem, tried=tried)
