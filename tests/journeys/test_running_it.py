"""Who runs the platform sees to what was given up or missed: in the graph as an administrator, or at its command line."""

import asyncio
import itertools
import os
import re
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import orjson
import pytest

from chassis.bus import Message
from chassis.errors import Refusal
from portico.catching_up import services_among
from portico.commands.reach import Platform
from portico.commands.replaying import Asked, replay_on
from portico.foreign import Refused
from portico.trouble import Trouble
from tests.journeys.two_organizations import World

QUEUES = ("subscriptions.remember_member", "catalog.remember_application")
BROKEN = {
    "subscriptions.remember_member": "identity.member_joined.v1",
    "catalog.remember_application": "identity.application_changed.v1",
}
LETTERS = (
    "query($service: PlatformService, $queue: String, $code: String, $first: Int, $after: String) { operator {"
    " deadLetters(service: $service, queue: $queue, code: $code, first: $first, after: $after) {"
    " nodes { queue id event subject occurredAt failureCode reason attempts diedAt envelope isCut }"
    " totalCount pageInfo { endCursor hasNextPage } } } }"
)
_numbers = itertools.count(1)


async def _die(platform: Any, queue: str) -> str:
    """Let a reaction hear something that it cannot use; return its id."""
    event_id, key = f"evt_dead_{next(_numbers)}", BROKEN[queue]
    told: dict[str, Any] = {
        "specversion": "1.0",
        "id": event_id,
        "source": "/services/identity",
        "type": f"portico.{key}",
        "subject": "org_dead",
    }
    told |= {"time": "2026-11-01T12:00:00.000Z", "sequence": 1, "data": {}}
    await platform.whole.place.bus.put(queue, [Message(event_id, key, orjson.dumps(told))])
    async with asyncio.timeout(60):
        while event_id not in [each.message.id for each in await platform.whole.place.bus.dead_letters(queue)]:  # noqa: ASYNC110
            await asyncio.sleep(0.02)
    return event_id


async def _letters(world: World, who: str = "operator", **wanted: Any) -> Any:
    operator = (await world.people[who].ask(LETTERS, **wanted))["operator"]
    return None if operator is None else operator["deadLetters"]


async def test_an_administrator_lists_replays_and_discards_them_through_all_services(world: World, platform: Any) -> None:
    ids = [await _die(platform, queue) for queue in (*QUEUES, QUEUES[0])]
    listed = await _letters(world, code="ANNOUNCEMENT_NOT_USABLE", first=100)
    shown = [each for each in listed["nodes"] if each["id"] in ids]
    assert [(each["id"], each["queue"]) for each in shown] == list(zip(ids, (*QUEUES, QUEUES[0]), strict=True))
    letter = shown[0]
    assert (letter["event"], letter["subject"], letter["isCut"]) == ("identity.member_joined.v1", "org_dead", False)
    assert (letter["occurredAt"], letter["attempts"]) == ("2026-11-01T12:00:00.000Z", 1)
    assert "lacks the field" in letter["reason"]
    assert orjson.loads(letter["envelope"])["id"] == ids[0]

    page = await _letters(world, queue=QUEUES[0], first=1)
    assert (page["totalCount"], page["pageInfo"]["hasNextPage"]) == (2, True)
    rest = await _letters(world, queue=QUEUES[0], first=1, after=page["pageInfo"]["endCursor"])
    assert ([each["id"] for each in rest["nodes"]], rest["pageInfo"]["hasNextPage"]) == ([ids[2]], False)
    assert [each["id"] for each in (await _letters(world, service="CATALOG"))["nodes"]] == [ids[1]]
    assert (await _letters(world, service="AUDIT", queue=QUEUES[0]) or {"nodes": []})["nodes"] == []

    selection = "... on DeadLetter { id failureCode }"
    replayed = await world.make("operator", "replayDeadLetter", selection, queue=QUEUES[0], id=ids[0])
    assert replayed["id"] == ids[0]
    async with asyncio.timeout(60):  # it dies once more
        while (await _letters(world, queue=QUEUES[0]))["totalCount"] != 2:  # noqa: ASYNC110 - it is elsewhere
            await asyncio.sleep(0.05)
    for queue, event_id in zip((*QUEUES, QUEUES[0]), ids, strict=True):
        await world.make("operator", "discardDeadLetter", selection, queue=queue, id=event_id, reason="A test made it.")
    assert (await _letters(world, queue=QUEUES[0]))["nodes"] == []
    with pytest.raises(Refused, match="NO_SUCH_DEAD_LETTER"):
        await world.make("operator", "discardDeadLetter", selection, queue=QUEUES[0], id=ids[0], reason="Again.")
    with pytest.raises(Refused, match="NO_SUCH_DEAD_LETTER"):
        await world.make("operator", "replayDeadLetter", selection, queue="nobodys.queue", id=ids[0])


@pytest.mark.parametrize("who", ["owner", "stranger", "nobody", "spare"])
async def test_nobody_else_sees_or_touches_them(world: World, platform: Any, who: str) -> None:
    queue = QUEUES[1]
    event_id = await _die(platform, queue)
    if who == "spare":  # of the staff, but no administrator
        role = {"userId": world.ids["user_spare"], "role": "SUPPORT"}
        await world.make("operator", "grantPlatformRole", "... on StaffMember { roles }", **role)
    assert await _letters(world, who) is None
    code = "SIGN_IN_FIRST" if who == "nobody" else "OPERATOR_ONLY"
    with pytest.raises(Refused, match=code):
        await world.make(who, "replayDeadLetter", "__typename", queue=queue, id=event_id)
    with pytest.raises(Refused, match=code):
        await world.make(who, "discardDeadLetter", "__typename", queue=queue, id=event_id, reason="Mine.")
    assert event_id in [each.message.id for each in await platform.whole.place.bus.dead_letters(queue)]
    await platform.whole.place.bus.discard_dead(queue, event_id)
    if who == "spare":
        await world.make("operator", "withdrawPlatformRole", "... on StaffMember { roles }", **role)


async def command(platform: Any, *arguments: str, code: int = 0) -> str:
    """Run a command beside the running platform; return what it says."""
    environment = {**os.environ, "PORTICO_VAR": str(platform.whole.place.keys_dir.parent)}
    line = [sys.executable, "-m", "portico", *arguments]
    done = await asyncio.to_thread(
        subprocess.run, line, env=environment, capture_output=True, text=True, timeout=120, check=False, cwd=Path.cwd()
    )
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout + done.stderr


async def test_the_owner_of_the_process_does_so_at_the_command_line(platform: Any) -> None:
    queue = QUEUES[0]
    event_id = await _die(platform, queue)
    shown = await command(platform, "dead-letters", "show", event_id)
    assert "ANNOUNCEMENT_NOT_USABLE" in shown
    assert '"subject":"org_dead"' in shown
    every = ("--all", "--queue", queue, "--because", "A test made it.")
    assert "removed for good" in await command(platform, "dead-letters", "discard", *every)
    assert (await platform.whole.place.bus.counts(queue)).dead == 0


async def test_replay_and_republish_reach_the_running_process(world: World, platform: Any) -> None:
    del world
    members = platform.whole.parts["subscriptions"].store.reader().collection("members")
    before = await members.count_documents({})
    since = (datetime.now(UTC) - timedelta(days=6)).isoformat()
    said = await command(platform, "replay", "--service", "identity", "--from", since, "--queue", QUEUES[0])
    assert re.search(rf"[1-9]\d* events are in {QUEUES[0]}", said)
    said = await command(platform, "republish", "--for", "subscriptions", "--service", "identity", "--kind", "member")
    assert re.search(r"[1-9]\d* things are stated for subscriptions", said)
    async with asyncio.timeout(60):
        while (await platform.whole.place.bus.counts(QUEUES[0])).waiting:  # noqa: ASYNC110 - it is elsewhere
            await asyncio.sleep(0.05)
    assert await members.count_documents({}) == before


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"service": "nobody"}, "There is no service nobody: choose one of identity"),
        ({"queue": "no.queue"}, "The bus has no queue no.queue"),
        ({"types": ("sung",)}, "announces no sung: choose among"),
        ({"types": ("user_registered",)}, "takes nothing of that"),
        ({"since": "2020-01-01"}, "kept for 7 days"),
        ({"since": "yesterday"}, "--from yesterday is no moment"),
        ({"after": "evt_no"}, "no event evt_no"),
    ],
    ids=["service", "queue", "type", "type-of-another", "age", "moment", "after"],
)
async def test_what_cannot_be_replayed_is_said_in_a_sentence(platform: Any, asked: dict[str, Any], said: str) -> None:
    running = Platform(platform.whole.place.bus, services_among(platform.whole.parts))
    recently = (datetime.now(UTC) - timedelta(hours=1)).isoformat()
    usual = Asked("identity", QUEUES[0], (), None, recently, None, None, is_dry_run=False)
    with pytest.raises((Trouble, Refusal), match=re.escape(said)):
        await replay_on(running, replace(usual, **asked))
    types = replace(usual, types=("member_joined,identity.member_removed.v1", "member_joined.v1"), is_dry_run=True)
    assert await replay_on(running, types) >= 0


async def test_without_a_platform_the_commands_say_how_to_start_one(tmp_path: Path) -> None:
    environment = {**os.environ, "PORTICO_VAR": str(tmp_path)}
    line = [sys.executable, "-m", "portico", "gaps"]
    done = await asyncio.to_thread(
        subprocess.run, line, env=environment, capture_output=True, text=True, timeout=120, check=False, cwd=Path.cwd()
    )
    assert (done.returncode, "No platform runs on" in done.stderr) == (2, True)
