"""``portico replay`` and ``portico republish``: what makes those who have missed something, or are new, catch up."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from portico.trouble import Trouble

if TYPE_CHECKING:
    from chassis.replaying import Place, Wanted
    from portico.commands.reach import Platform


@dataclass(frozen=True, slots=True)
class Asked:
    """What is to be replayed, as it was typed."""

    service: str
    queue: str
    types: tuple[str, ...]
    subject: str | None
    since: str
    until: str | None
    after: str | None
    is_dry_run: bool


def replay(
    *,
    service: str,
    queue: str,
    from_: Annotated[str, Parameter(name="--from")],
    to: str | None = None,
    type_: Annotated[tuple[str, ...], Parameter(name="--type")] = (),
    subject: str | None = None,
    after: str | None = None,
    dry_run: bool = False,
) -> int:
    """Put what a service has announced in a period once more into one queue that has missed it.

    The messages keep their ids: what was dealt with already changes nothing, so it can be broken off and begun anew.

    Parameters
    ----------
    service
        Who announced it, as identity.
    queue
        Into which queue: one of the platform's own, such as audit.remember_member, or one of yours.
    from_
        Since when, as 2026-11-29 or 2026-11-29T12:30:00Z; the outbox keeps PORTICO_OUTBOX_DAYS days.
    to
        Until when; until now otherwise.
    type_
        Which facts, as application_created,application_changed; otherwise all that the queue takes.
    subject
        About which thing alone.
    after
        The event behind which an earlier replay was broken off.
    dry_run
        Only count.
    """
    from portico.commands.reach import run

    asked = Asked(service, queue, type_, subject, from_, to, after, dry_run)
    return run(_replay(asked))


async def _replay(asked: Asked) -> int:
    from portico.commands.reach import reached

    async with reached() as platform:
        await replay_on(platform, asked)
    return 0


async def replay_on(platform: "Platform", asked: Asked) -> int:
    """Replay on a platform that is reached, and return how many events were meant. Raises ``Trouble`` or a refusal."""
    from chassis import replaying
    from portico.commands.counting import counting

    store = platform.store(asked.service)
    wanted = _wanted(platform, asked)
    await platform.require_queue(asked.queue)
    replaying.require_period(store, wanted.since, wanted.until)
    total = await replaying.count(store, wanted)
    if asked.is_dry_run:
        print(f"{total} events would go into {asked.queue}.")
        return total
    place = None if asked.after is None else await replaying.place_of(store, asked.after)
    try:
        with counting(f"replaying {asked.service} into {asked.queue}", total) as tell:
            async for reached_place in replaying.replay(store, platform.bus, asked.queue, wanted, after=place):
                place = reached_place
                tell(place.count, f"behind {place.id}")
    except BaseException:
        _say_where(place)
        raise
    count = 0 if place is None else place.count
    print(f"{count} events are in {asked.queue}.")
    return count


def _say_where(place: "Place | None") -> None:
    if place is not None:
        print(f"Broken off: go on with --after {place.id}, or begin anew.")


def _wanted(platform: "Platform", asked: Asked) -> "Wanted":
    from chassis.bus import matches
    from chassis.replaying import Wanted
    from portico.commands.facts import keys_of, read_types
    from portico.commands.reach import read_moment

    until = datetime.now(UTC) if asked.until is None else read_moment("--to", asked.until)
    keys = read_types(asked.service, asked.types)
    on = platform.reactions().get(asked.queue)
    if on is not None:
        named = keys or keys_of(asked.service)
        keys = [key for key in named if any(matches(pattern, key) for pattern in on.keys)]
        if not keys:
            raise Trouble(f"{asked.queue} takes nothing of that: it takes {', '.join(on.keys)}.")
    return Wanted(read_moment("--from", asked.since), until, tuple(keys), asked.subject)


def republish(
    *,
    service: tuple[str, ...] = (),
    kind: tuple[str, ...] = (),
    queue: str | None = None,
    for_: Annotated[tuple[str, ...], Parameter(name="--for")] = (),
    dry_run: bool = False,
) -> int:
    """State everything that lives anew, as it is now: for those who are new, or have missed more than the outbox keeps.

    Without --queue and --for it goes to everybody through the exchange. The platform's own
    reactions learn from it and do nothing else.

    Parameters
    ----------
    service
        Whose things alone, as identity; otherwise those of all services.
    kind
        Which kinds alone, as application or member.
    queue
        Into this queue alone.
    for_
        Into the queues of these services alone, as a new service needs it: --for notifications.
    dry_run
        Only count.
    """
    from portico.commands.reach import run

    return run(_republish(service, kind, queue, for_, is_dry_run=dry_run))


async def _republish(
    services: Sequence[str], kinds: Sequence[str], queue: str | None, readers: Sequence[str], *, is_dry_run: bool
) -> int:
    from portico.catching_up import chosen, republish, require_services, targets
    from portico.commands.counting import counting
    from portico.commands.reach import reached

    async with reached() as platform:
        meant = chosen(platform.services, services, kinds)
        if queue is not None:
            await platform.require_queue(queue)
            _require_learning(platform, queue)
        require_services(platform.services, readers)
        aims = targets(platform.services, queue, readers)
        total = 0
        for store, each in meant:
            with counting(f"{each.name} ({store.name})", None) as tell:
                done = 0
                async for things in republish(store, each, platform.bus, aims, is_dry_run=is_dry_run):
                    done += things
                    tell(done, "")
                    await asyncio.sleep(0)
            print(f"{each.name}: {done}")
            total += done
    print(f"{total} things {'would be' if is_dry_run else 'are'} stated{_into(queue, readers)}.")
    return 0


def _require_learning(platform: "Platform", queue: str) -> None:
    on = platform.reactions().get(queue)
    if on is not None and not on.takes_republished:
        raise Trouble(
            f"{queue} passes over what is republished: it acts on what happens. Use `portico replay` for what it missed."
        )


def _into(queue: str | None, readers: Sequence[str]) -> str:
    if queue is not None:
        return f" into {queue}"
    return f" for {', '.join(readers)}" if readers else ""
