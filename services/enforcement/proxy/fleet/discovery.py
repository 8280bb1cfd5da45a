"""What members of a fleet are told: clusters, listeners and routes, each under a version that follows from what it says.

A member asks with the version that it has. It is answered when there is another one, or told after a while that there is none.
Whoever asks again with a version that is not the one it was given has not taken that over: this is noted, and it waits for a
while before it is given the same again.
"""

import asyncio
import hashlib
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import orjson

from chassis.telemetry import log
from services.enforcement.proxy.envoy import configuration as envoy
from services.enforcement.proxy.envoy import routing, tls
from services.enforcement.proxy.envoy.clusters import clusters
from services.enforcement.proxy.envoy.configuration import Json
from services.enforcement.proxy.plane import DataPlane
from services.enforcement.proxy.published import Published, Standing

HOLD_SECONDS = 20.0
CLUSTERS, LISTENERS, ROUTES = "clusters", "listeners", "routes"
_TYPES = {
    CLUSTERS: "type.googleapis.com/envoy.config.cluster.v3.Cluster",
    LISTENERS: "type.googleapis.com/envoy.config.listener.v3.Listener",
    ROUTES: "type.googleapis.com/envoy.config.route.v3.RouteConfiguration",
}
# Routes are kept back from a member until it knows where they lead; but not for long.
_CLUSTERS_FIRST_SECONDS = 2.0
_AGAIN_SECONDS = 10.0
_FORGOTTEN_AFTER_SECONDS = 300.0
_MOST_MEMBERS = 1000
_log = log("enforcement.discovery")


class Question(NamedTuple):
    """What a member asks: of which kind, for which names (all where none are given), and which version it has."""

    kind: str
    member: str
    names: tuple[str, ...]
    version: str


@dataclass(slots=True)
class Member:
    """What is known of one proxy: of each part, the version that it has taken over, the one it was given, the one it refused."""

    seen_at: float
    has: dict[str, str] = field(default_factory=dict)
    given: dict[str, str] = field(default_factory=dict)
    refused: dict[str, tuple[str, float]] = field(default_factory=dict)


class _Part(NamedTuple):
    version: str
    resources: Sequence[Json]


class Discovery:
    """Answers members; told what is published, it tells them."""

    def __init__(self, plane: DataPlane, clock: Callable[[], float] = time.monotonic) -> None:
        self._plane = plane
        self._clock = clock
        self._standing = Standing(clock)
        self._parts: dict[str, list[Json]] = {}
        self._versions: dict[tuple[str, tuple[str, ...]], _Part] = {}
        self._changed_at = clock()
        self._change = asyncio.Event()
        self.members: dict[str, Member] = {}

    def take(self, published: Sequence[Published]) -> None:
        """Take over what is published now."""
        if self._standing.take(published) or not self._parts:
            standing = self._standing.published or ()
            doors = [routing.routes(self._plane, standing)]
            doors += [] if self._plane.tls is None else [tls.routes(self._plane, standing)]
            self._parts[ROUTES] = doors
            self._parts[LISTENERS] = [*envoy.listeners(self._plane), *tls.listeners(self._plane)]
            self._changed_at = self._clock()
            self._renew()

    def tidy(self) -> None:
        """Forget upstreams that no route leads to, and members that have not asked for long; let nobody wait in vain."""
        if self._standing.tidy():
            self._renew()
        until = self._clock() - _FORGOTTEN_AFTER_SECONDS
        self.members = {name: member for name, member in self.members.items() if member.seen_at > until}
        self._wake()

    def _renew(self) -> None:
        self._parts[CLUSTERS] = clusters(self._plane, self._standing.with_upstreams)
        self._versions.clear()
        self._wake()

    def _wake(self) -> None:
        change, self._change = self._change, asyncio.Event()
        change.set()

    async def answer(self, question: Question, hold_seconds: float = HOLD_SECONDS) -> bytes | None:
        """Return the answer to a member, or None where it has everything already."""
        key = ",".join((question.kind, *question.names))
        member = self._note(question, key)
        until = self._clock() + hold_seconds
        while True:
            change = self._change
            part = self._part(question)
            if part is not None and self._is_due(question, part, member, key):
                member.given[key] = part.version
                told = {"version_info": part.version, "type_url": _TYPES[question.kind], "resources": part.resources}
                return orjson.dumps(told)
            left = until - self._clock()
            if left <= 0:
                return None
            try:
                async with asyncio.timeout(left):
                    await change.wait()
            except TimeoutError:
                return None

    def _note(self, question: Question, key: str) -> Member:
        if len(self.members) >= _MOST_MEMBERS and question.member not in self.members:
            del self.members[min(self.members, key=lambda name: self.members[name].seen_at)]
        member = self.members.setdefault(question.member, Member(self._clock()))
        member.seen_at = self._clock()
        given = member.given.get(key)
        if given is not None and question.version != given:
            _log.warning("a member of the fleet refuses what it was given", member=question.member, part=key, version=given)
            member.refused[key] = (given, self._clock())
            del member.given[key]
        elif given is not None:
            member.refused.pop(key, None)
        if member.has.get(key) != question.version:
            member.has[key] = question.version
            self._wake()
        return member

    def _is_due(self, question: Question, part: _Part, member: Member, key: str) -> bool:
        refused, at = member.refused.get(key, ("", 0.0))
        if part.version == question.version or (part.version == refused and self._clock() - at < _AGAIN_SECONDS):
            return False
        if question.kind != ROUTES or not question.version:
            return True
        knows = member.has.get(CLUSTERS) == self._version_of(CLUSTERS, ()).version
        return knows or self._clock() - self._changed_at > _CLUSTERS_FIRST_SECONDS

    def _part(self, question: Question) -> _Part | None:
        return self._version_of(question.kind, question.names) if self._parts else None

    def _version_of(self, kind: str, names: tuple[str, ...]) -> _Part:
        part = self._versions.get((kind, names))
        if part is None:
            resources = [each for each in self._parts[kind] if not names or each["name"] in names]
            said = orjson.dumps(resources, option=orjson.OPT_SORT_KEYS)
            part = self._versions[kind, names] = _Part(hashlib.sha256(said).hexdigest()[:24], resources)
        return part


def read_question(kind: str, body: bytes) -> Question:
    """Return what a member asks. Raises ``ValueError``, ``KeyError`` or ``TypeError``."""
    asked: dict[str, Any] = orjson.loads(body)
    if kind not in _TYPES:
        raise ValueError(kind)
    names = asked.get("resource_names") or ()
    version = asked.get("version_info") or ""
    member = asked["node"]["id"]
    if not isinstance(version, str) or not isinstance(member, str) or len(member) > 200 or len(names) > 10:
        raise TypeError
    return Question(kind, member, tuple(sorted(str(each) for each in names)), version)
