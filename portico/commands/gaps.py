"""``portico gaps``: what was announced and not heard; and its closing."""

import asyncio
from datetime import timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from chassis.gaps import Gap
    from portico.commands.reach import Platform
    from portico.watching import GapWatch

FOUND = 1
_MOST_SHOWN = 100


def gaps(
    *,
    since: str | None = None,
    queue: str | None = None,
    close: bool = False,
    watch: bool = False,
    metrics_port: int | None = None,
) -> int:
    """List announcements that a reaction should have dealt with a minute ago and has not; with any, the exit code is 1.

    Parameters
    ----------
    since
        Look at what was sent since then; otherwise at all that the outbox keeps.
    queue
        Look at this reaction's alone.
    close
        Put what is missing into the queues that miss it.
    watch
        Look every minute, and go on until Ctrl-C.
    metrics_port
        While watching, show the number of gaps as the metric portico_event_gaps at this port of this machine.
    """
    from portico.commands.reach import run

    if watch:
        return run(_watch(metrics_port))
    return run(_gaps(since, queue, closes=close))


async def _gaps(since: str | None, queue: str | None, *, closes: bool) -> int:
    from portico.commands.reach import reached, read_moment
    from portico.watching import close_gaps, find_gaps, hearers_of

    async with reached() as platform:
        if queue is not None:
            await platform.require_queue(queue)
        clock = platform.store("identity").clock
        days = platform.store("identity").outbox_days
        begin = clock.now() - timedelta(days=days) if since is None else read_moment("--since", since)
        hearers = [each for each in hearers_of(platform.services) if queue in (None, each.queue)]
        count = 0
        async for found in find_gaps(platform.services, platform.bus, begin, hearers=hearers):
            for gap in found[: max(0, _MOST_SHOWN - count)]:
                _show(gap)
            count += len(found)
            if closes:
                await close_gaps(platform.bus, found)
        await _conclude(platform, count, closes=closes)
    return FOUND if count and not closes else 0


def _show(gap: "Gap") -> None:
    print(
        f"{gap.queue}  {gap.key}  {gap.subject}  sequence {gap.sequence}  sent {gap.sent_at:%Y-%m-%dT%H:%M:%SZ}  {gap.message.id}"
    )


async def _conclude(platform: "Platform", count: int, *, closes: bool) -> None:
    from portico.watching import waiting_in

    if not count:
        print("No gaps: everything that was sent more than a minute ago was heard.")
        return
    if count > _MOST_SHOWN:
        print(f"… and {count - _MOST_SHOWN} more.")
    if closes:
        print(f"{count} messages are put into the queues that missed them.")
        return
    waiting = sum([await waiting_in(queue, platform.bus) for queue in platform.reactions()])
    more = f" ({waiting} messages wait in queues: a reaction that is behind catches up by itself.)" if waiting else ""
    print(f"{count} gaps: `portico gaps --close` puts what is missing into the queues that miss it.{more}")


async def _watch(metrics_port: int | None) -> int:
    from portico.commands.reach import reached
    from portico.watching import GapWatch

    if metrics_port is not None:
        from prometheus_client import start_http_server

        start_http_server(metrics_port, addr="127.0.0.1")
    async with reached() as platform:
        watch = GapWatch(platform.services, platform.bus)
        while True:
            await look_once(watch)
            await asyncio.sleep(60)


async def look_once(watch: "GapWatch") -> None:
    """Look, and tell what there is; who does not answer now is asked again at the next look."""
    from chassis.errors import Unavailable

    try:
        await watch.look()
    except Unavailable as away:
        print(away.message, flush=True)
    else:
        print(f"{len(watch.open)} gaps", flush=True)
