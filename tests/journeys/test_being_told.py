"""Being told: a notice arrives where its reader watches, stands in the inbox and comes by mail, and nobody else has it."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from websockets.asyncio.client import ClientConnection, connect

from tests.journeys.two_organizations import World

ARRIVED = "subscription { noticeArrived { id kind title text link about organizationId readAt } }"
INBOX = "{ viewer { unreadNotices inbox(first: 50) { nodes { id kind about readAt } } } }"
PREFERENCE = "... on NoticePreferences { preferences { topic organizationId mail isChosen alwaysBecause } }"
PATIENCE_SECONDS = 90


@asynccontextmanager
async def watching(world: World, who: str) -> AsyncIterator[ClientConnection]:
    token = world.people[who].token
    url = world.url.replace("http://", "ws://", 1)
    async with connect(url, subprotocols=["graphql-transport-ws"]) as socket:  # type: ignore[list-item]
        await socket.send(
            json.dumps({"type": "connection_init", "payload": {"authorization": f"Bearer {token}"} if token else {}})
        )
        assert json.loads(await socket.recv())["type"] == "connection_ack"
        await socket.send(json.dumps({"id": "1", "type": "subscribe", "payload": {"query": ARRIVED}}))
        yield socket


async def arrived(socket: ClientConnection, asked: list[str]) -> dict[str, Any]:
    """Return the first notice about one of the things that were asked for, once it arrives."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while True:
            message = json.loads(await socket.recv())
            if message["type"] == "next":
                notice: dict[str, Any] = message["payload"]["data"]["noticeArrived"]
                if notice["about"] in asked:
                    return notice
            elif message["type"] == "ping":
                await socket.send(json.dumps({"type": "pong"}))
            else:
                raise AssertionError(message)


async def ask_again_and_again(world: World, asked: list[str]) -> None:
    """Ask for a permission every other second: the gateway may not have begun to watch when the first one is told."""
    while True:
        asked.append(await world.permission((await world.application())["id"]))
        await asyncio.sleep(2)


async def test_a_notice_arrives_for_its_reader_alone(world: World) -> None:
    asked: list[str] = []
    async with watching(world, "administrator") as socket:
        asking = asyncio.create_task(ask_again_and_again(world, asked))
        try:
            notice = await arrived(socket, asked)
        finally:
            asking.cancel()
            await asyncio.gather(asking, return_exceptions=True)
    permission_id = notice["about"]
    assert notice["kind"] == "PERMISSION_REQUESTED"
    assert notice["link"].endswith(f"/permissions/{permission_id}")
    assert notice["organizationId"] == world.ids["organization"]
    found = (await world.people["administrator"].ask(INBOX))["viewer"]["inbox"]["nodes"]
    assert [each["id"] for each in found if each["about"] == permission_id] == [notice["id"]]
    for who in ("owner", "developer", "stranger"):
        found = (await world.people[who].ask(INBOX))["viewer"]["inbox"]["nodes"]
        assert not [each for each in found if each["about"] == permission_id and each["kind"] == notice["kind"]], who
        text = "query($id: ID!) { node(id: $id) { __typename } }"
        assert (await world.people[who].ask(text, id=notice["id"]))["node"] is None
    letter = await world.mailbox.letter_to(world.address_of("administrator"), about=permission_id, seconds=PATIENCE_SECONDS)
    assert notice["title"] in letter
    marked = await world.make("administrator", "markRead", "... on MarkedRead { marked unread }", noticeIds=[notice["id"]])
    assert marked["marked"] == 1


async def test_whoever_is_not_signed_in_is_told_nothing(world: World) -> None:
    async with watching(world, "nobody") as socket, asyncio.timeout(PATIENCE_SECONDS):
        message = json.loads(await socket.recv())
        assert message["type"] in ("error", "next")
        assert "NOTHING_TO_WATCH" in json.dumps(message)


async def test_what_is_mailed_is_each_ones_own_choice(world: World) -> None:
    chosen = await world.make("spare", "changeNoticePreference", PREFERENCE, topic="VERSIONS", mail=False)
    rows = {each["topic"]: each for each in chosen["preferences"] if each["organizationId"] is None}
    assert (rows["VERSIONS"]["mail"], rows["VERSIONS"]["isChosen"]) == (False, True)
    assert (rows["SECURITY"]["mail"], rows["SECURITY"]["alwaysBecause"]) == (True, "SECURITY")
    again = await world.make("spare", "changeNoticePreference", PREFERENCE, topic="VERSIONS", mail=None)
    assert all(each["mail"] and not each["isChosen"] for each in again["preferences"])
