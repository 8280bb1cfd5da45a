"""The door of the one process: how a command of the same machine reaches the bus that the running platform owns.

The bus's file has one owner, which alone can wake its consumers. So a second process does not open the file: it asks the owner,
over HTTP on a loopback port that is found, with a secret, in a file that only this user can read. What it puts into a queue is on
the disk when it is answered, and is noticed at once.
"""

import base64
import os
import secrets
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx
import orjson
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp

from chassis.bus import (
    DEAD_LETTERS_SHOWN,
    Bus,
    BusUnavailable,
    Counts,
    DeadLetter,
    Handle,
    Listener,
    Message,
    NoSuchDeadLetter,
    NoSuchQueue,
    Reaction,
)
from chassis.errors import Invalid, Refusal, Unauthenticated, to_problem
from chassis.messages import to_timestamp

_FILE = "door.json"
_SECONDS = 60.0


class DoorSecretMissing(Unauthenticated):
    """The door opens to whoever has read its secret in the platform's folder."""


class NotAtThisDoor(Invalid):
    """The door does not take this question: only the running platform itself declares, reacts and listens."""


_REFUSALS: Mapping[str, type[Refusal]] = {
    each.code: each for each in (BusUnavailable, NoSuchDeadLetter, NoSuchQueue, NotAtThisDoor)
}


@dataclass(frozen=True, slots=True)
class Door:
    """Where the running platform's bus and database are found."""

    url: str
    secret: str
    mongo_url: str
    database_prefix: str

    def write(self, var: Path) -> None:
        """Tell this user's other processes, and nobody else."""
        path = var / _FILE
        path.unlink(missing_ok=True)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(orjson.dumps({name: getattr(self, name) for name in self.__dataclass_fields__}))


def find_door(var: Path) -> Door | None:
    """Return the door of the platform that runs on a folder, or None where none does."""
    try:
        return Door(**orjson.loads((var / _FILE).read_bytes()))
    except (OSError, ValueError, TypeError):
        return None


def shut_door(var: Path) -> None:
    """Take the file away."""
    (var / _FILE).unlink(missing_ok=True)


def new_secret() -> str:
    """Return a secret for a door."""
    return secrets.token_urlsafe(32)


def _to_row(message: Message) -> list[Any]:
    return [message.id, message.key, base64.b64encode(message.body).decode(), message.attempt]


def _to_message(row: Sequence[Any]) -> Message:
    return Message(row[0], row[1], base64.b64decode(row[2]), row[3])


def door_app(bus: Bus, secret: str) -> ASGIApp:
    """Return the application behind the door."""

    async def put(asked: dict[str, Any]) -> Any:
        await bus.put(asked["queue"], [_to_message(row) for row in asked["messages"]])

    async def counts(asked: dict[str, Any]) -> Any:
        found = await bus.counts(asked["queue"])
        return [found.waiting, found.dead]

    async def dead_letters(asked: dict[str, Any]) -> Any:
        found = await bus.dead_letters(asked["queue"], asked["most"])
        return [[_to_row(each.message), each.code, each.reason, to_timestamp(each.at)] for each in found]

    async def replay_dead(asked: dict[str, Any]) -> Any:
        await bus.replay_dead(asked["queue"], asked["id"])

    async def discard_dead(asked: dict[str, Any]) -> Any:
        await bus.discard_dead(asked["queue"], asked["id"])

    answers: dict[str, Answer] = {each.__name__: each for each in (put, counts, dead_letters, replay_dead, discard_dead)}
    routes = [
        Route("/publish", _publishing(bus, secret), methods=["POST"]),
        Route("/{question}", _endpoint(answers, secret), methods=["POST"]),
    ]
    return Starlette(routes=routes, exception_handlers={Refusal: _refused})


Answer = Callable[[dict[str, Any]], Awaitable[Any]]


def _publishing(bus: Bus, secret: str) -> Callable[[Request], Awaitable[Response]]:
    """Return what takes messages as they are: the calls of a data plane come this way, and nobody looks into them here."""

    async def endpoint(request: Request) -> Response:
        _require(request, secret)
        routed = await bus.publish(_unpacked(await request.body()))
        return Response(orjson.dumps(routed), media_type="application/json")

    return endpoint


def _packed(messages: Sequence[Message]) -> bytes:
    """Return a line that says which messages there are and how long, and then their bodies."""
    head = orjson.dumps([[each.id, each.key, each.attempt, len(each.body)] for each in messages])
    return b"".join([head, b"\n", *(each.body for each in messages)])


def _unpacked(packed: bytes) -> list[Message]:
    head, _, bodies = packed.partition(b"\n")
    found, begins_at = [], 0
    for id_, key, attempt, length in orjson.loads(head):
        found.append(Message(id_, key, bodies[begins_at : begins_at + length], attempt))
        begins_at += length
    return found


def _require(request: Request, secret: str) -> None:
    given = request.headers.get("authorization", "")
    if not secrets.compare_digest(given.encode(), f"Bearer {secret}".encode()):
        raise DoorSecretMissing


def _endpoint(answers: Mapping[str, Answer], secret: str) -> Callable[[Request], Awaitable[Response]]:
    async def endpoint(request: Request) -> Response:
        _require(request, secret)
        answer = answers.get(request.path_params["question"])
        if answer is None:
            raise NotAtThisDoor
        return Response(orjson.dumps(await answer(orjson.loads(await request.body()))), media_type="application/json")

    return endpoint


async def _refused(_request: Request, refusal: Exception) -> Response:
    assert isinstance(refusal, Refusal)
    return Response(orjson.dumps(to_problem(refusal, "")), refusal.status, media_type="application/problem+json")


class DoorBus:
    """The bus of the running platform, as another process of this machine reaches it.

    It is a whole `Bus`, since commands build the services over it to learn which queues and things there are. They start none of
    them: what only a started service does is refused with `NotAtThisDoor`.
    """

    def __init__(self, door: Door) -> None:
        headers = {"authorization": f"Bearer {door.secret}"}
        self._http = httpx.AsyncClient(base_url=door.url, headers=headers, timeout=_SECONDS, trust_env=False)

    @property
    def is_connected(self) -> bool:
        """Whether it has not been closed."""
        return not self._http.is_closed

    async def start(self) -> None:
        """There is nothing to begin: each question is asked by itself."""

    async def close(self) -> None:
        """Ask no more."""
        await self._http.aclose()

    async def declare(self, reactions: Sequence[Reaction]) -> None:
        """Only the running platform declares queues."""
        raise NotAtThisDoor(f"Only the running platform declares {', '.join(each.queue for each in reactions)}.")

    async def react(self, reaction: Reaction) -> None:
        """Only the running platform reacts."""
        raise NotAtThisDoor(f"Only the running platform reacts by {reaction.queue}.")

    async def listen(self, keys: Sequence[str], handle: Handle) -> Listener:  # noqa: ARG002 - a bus is told who would hear
        """Only the running platform listens."""
        raise NotAtThisDoor(f"Only the running platform listens to {', '.join(keys)}.")

    async def publish(self, messages: Sequence[Message]) -> list[bool]:
        """Publish, and return for each message whether any queue or listener gets it."""
        routed: list[bool] = await self._send("publish", _packed(messages))
        return routed

    async def put(self, queue: str, messages: Sequence[Message]) -> None:
        """Put messages into one queue alone."""
        await self._ask("put", queue=queue, messages=[_to_row(each) for each in messages])

    async def counts(self, queue: str) -> Counts:
        """Return how much there is in a queue."""
        return Counts(*await self._ask("counts", queue=queue))

    async def dead_letters(self, queue: str, most: int = DEAD_LETTERS_SHOWN) -> list[DeadLetter]:
        """Return the dead letters of a queue, oldest first."""
        found = await self._ask("dead_letters", queue=queue, most=most)
        return [DeadLetter(_to_message(row), code, reason, datetime.fromisoformat(at)) for row, code, reason, at in found]

    async def replay_dead(self, queue: str, id: str) -> None:  # noqa: A002 - it is the message's id
        """Put a dead letter back into its queue."""
        await self._ask("replay_dead", queue=queue, id=id)

    async def discard_dead(self, queue: str, id: str) -> None:  # noqa: A002 - it is the message's id
        """Remove a dead letter for good."""
        await self._ask("discard_dead", queue=queue, id=id)

    async def _ask(self, question: str, **asked: Any) -> Any:
        return await self._send(question, orjson.dumps(asked))

    async def _send(self, question: str, content: bytes) -> Any:
        try:
            answer = await self._http.post(f"/{question}", content=content)
        except httpx.HTTPError as error:
            raise BusUnavailable(f"The running platform does not answer at its door: {error!r}.") from error
        if answer.status_code != 200:
            raise _read_refusal(answer)
        return orjson.loads(answer.content)


def _read_refusal(answer: httpx.Response) -> Refusal:
    try:
        told = orjson.loads(answer.content)
    except ValueError:
        return BusUnavailable("The running platform failed at this; its log says why.")
    refusal = _REFUSALS.get(str(told.get("code")), BusUnavailable)
    return refusal(str(told.get("detail") or refusal.default_message()))
