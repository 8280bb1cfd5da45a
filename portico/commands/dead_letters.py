"""``portico dead-letters``: what reactions have given up is listed, read, tried again or removed."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from cyclopts import App

from portico.trouble import Trouble

if TYPE_CHECKING:
    from chassis.bus import DeadLetter
    from portico.commands.reach import Platform

dead_letters = App(name="dead-letters", help="What reactions have given up: list it, read it, try it again, or remove it.")


@asynccontextmanager
async def _found(
    queue: str | None, code: str | None, event_id: str | None = None
) -> AsyncIterator[tuple["Platform", list[tuple[str, "DeadLetter"]]]]:
    from chassis.dead_letters import MOST_READ
    from portico.commands.reach import reached

    async with reached() as platform:
        if queue is not None:
            await platform.require_queue(queue)
        queues = sorted(platform.reactions()) if queue is None else [queue]
        found = [(name, letter) for name in queues for letter in await platform.bus.dead_letters(name, MOST_READ)]
        meant = [each for each in found if code in (None, each[1].code) and event_id in (None, each[1].message.id)]
        yield platform, sorted(meant, key=lambda each: each[1].at)


@dead_letters.command(name="list")
def list_(*, queue: str | None = None, code: str | None = None, first: int = 50) -> int:
    """List dead letters, the oldest first.

    Parameters
    ----------
    queue
        Of this reaction alone.
    code
        Given up for this reason alone, as RETRIES_EXHAUSTED.
    first
        At most so many.
    """
    from portico.commands.reach import run

    async def work() -> int:
        async with _found(queue, code) as (_, found):
            for name, letter in found[:first]:
                message = letter.message
                print(
                    f"{letter.at:%Y-%m-%dT%H:%M:%SZ}  {name}  {message.id}  {message.key}  {letter.code}  "
                    f"after {message.attempt} tries: {letter.reason[:120]}"
                )
            print(f"{len(found)} dead letters{f', of which {first} are shown' if len(found) > first else ''}.")
        return 0

    return run(work())


@dead_letters.command
def show(event_id: str, *, queue: str | None = None) -> int:
    """Show a dead letter whole: why it was given up, and its envelope.

    Parameters
    ----------
    event_id
        The announcement's id.
    queue
        In this reaction's queue alone.
    """
    from portico.commands.reach import run

    async def work() -> int:
        async with _found(queue, None, event_id) as (_, found):
            _require(found, event_id)
            for name, letter in found:
                print(f"queue: {name}\ncode: {letter.code}\nreason: {letter.reason}")
                print(f"given up: {letter.at:%Y-%m-%dT%H:%M:%SZ} after {letter.message.attempt} tries")
                print(letter.message.body.decode(errors="replace"))
        return 0

    return run(work())


@dead_letters.command
def replay(event_id: str | None = None, *, queue: str | None = None, code: str | None = None, all_: bool = False) -> int:
    """Put a dead letter, or all of a queue or of a code, back into the queue, to be tried as if for the first time.

    Parameters
    ----------
    event_id
        The announcement's id.
    queue
        Of this reaction alone.
    code
        Given up for this reason alone.
    all_
        All that the other options leave.
    """

    async def again(platform: "Platform", name: str, letter: "DeadLetter") -> None:
        from chassis import dead_letters as kept

        owner = platform.owner_of(name)
        if owner is None:
            await platform.bus.replay_dead(name, letter.message.id)
        else:
            await kept.replay(owner.store, platform.bus, name, letter)

    return _take_out("put back into their queues", again, event_id, queue=queue, code=code, is_all=all_)


@dead_letters.command
def discard(
    event_id: str | None = None, *, because: str, queue: str | None = None, code: str | None = None, all_: bool = False
) -> int:
    """Remove a dead letter, or all of a queue or of a code, for good; what it was stays in the service's database.

    Parameters
    ----------
    event_id
        The announcement's id.
    because
        Why it is of no use; that is kept.
    queue
        Of this reaction alone.
    code
        Given up for this reason alone.
    all_
        All that the other options leave.
    """

    async def remove(platform: "Platform", name: str, letter: "DeadLetter") -> None:
        from chassis import dead_letters as kept

        owner = platform.owner_of(name)
        if owner is None:
            await platform.bus.discard_dead(name, letter.message.id)
        else:
            await kept.discard(owner.store, platform.bus, name, letter, because=because)

    return _take_out("removed for good", remove, event_id, queue=queue, code=code, is_all=all_)


_Take = Callable[["Platform", str, "DeadLetter"], Awaitable[None]]


def _take_out(done: str, take: _Take, event_id: str | None, *, queue: str | None, code: str | None, is_all: bool) -> int:
    from portico.commands.reach import run

    if event_id is None and not (is_all and (queue or code)):
        raise Trouble("Say which: an event's id, or --all with --queue or --code.")

    async def work() -> int:
        async with _found(queue, code, event_id) as (platform, found):
            if event_id is not None:
                _require(found, event_id)
            for name, letter in found:
                await take(platform, name, letter)
            print(f"{len(found)} dead letters are {done}.")
        return 0

    return run(work())


def _require(found: list[tuple[str, "DeadLetter"]], event_id: str) -> None:
    if not found:
        raise Trouble(f"There is no dead letter {event_id}: `portico dead-letters list` shows what there is.")
