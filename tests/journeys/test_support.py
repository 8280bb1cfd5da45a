"""Support through the gateway of the running platform: files, updates, mail, the operator's queue."""

import asyncio
import json
from typing import Any

import httpx
import pytest
from websockets.asyncio.client import connect

from portico.foreign import Refused
from tests.journeys.two_organizations import NEVER_GIVEN_OUT, World

PNG = b"\x89PNG\r\n\x1a\n" + b"\0" * 64
REQUEST = "... on SupportRequest { id status waitsFor holderId topic { kind thingId step } viewerSide }"
THREAD = """query($id: ID!) { supportRequest(id: $id) { status messages { totalCount nodes { side authorName text isNote channel
  attachments { id name contentType size } } } } }"""


async def opened(world: World, **more: Any) -> str:
    asked = {"organizationId": world.ids["organization"], "subject": "Which tide?", "text": "The high one?", **more}
    return str((await world.make("observer", "openSupportRequest", REQUEST, **asked))["id"])


def origin(world: World) -> str:
    return world.url.removesuffix("/graphql")


async def sent(world: World, who: str, content: bytes = PNG, **headers: str) -> httpx.Response:
    given = {"content-type": "image/png", "portico-file-name": "screen.png", "portico-file-for": "support", **headers}
    told = {"authorization": f"Bearer {world.people[who].token}", **given}
    return await world.people[who]._http.post(f"{origin(world)}/files", content=content, headers=told)


async def fetched(world: World, who: str, file_id: str) -> httpx.Response:
    headers = {"authorization": f"Bearer {world.people[who].token}"} if world.people[who].token else {}
    return await world.people[who]._http.get(f"{origin(world)}/files/{file_id}", headers=headers)


async def test_files_for_support_go_where_support_is(world: World) -> None:
    uploaded = await sent(world, "observer")
    assert uploaded.status_code == 201
    file_id = uploaded.json()["id"]
    assert (file_id[:4], uploaded.json()["contentType"]) == ("att_", "image/png")
    assert (await fetched(world, "observer", file_id)).content == PNG
    for who in ("owner", "operator", "stranger"):
        assert (await fetched(world, who, file_id)).status_code == 404  # it hangs on nothing yet
    request_id = await opened(world, attachmentIds=[file_id])
    got = await fetched(world, "owner", file_id)
    assert (got.status_code, got.content, got.headers["content-type"]) == (200, PNG, "image/png")
    assert got.headers["content-disposition"].startswith("attachment;")
    assert got.headers["x-content-type-options"] == "nosniff"
    assert "sandbox" in got.headers["content-security-policy"]
    assert (await fetched(world, "operator", file_id)).content == PNG
    seen = (await world.people["owner"].ask(THREAD, id=request_id))["supportRequest"]["messages"]["nodes"][0]
    assert seen["attachments"] == [{"id": file_id, "name": "screen.png", "contentType": "image/png", "size": len(PNG)}]
    answers = [await fetched(world, "stranger", each) for each in (file_id, f"att_{NEVER_GIVEN_OUT}")]
    bodies = [{key: value for key, value in each.json().items() if key != "trace_id"} for each in answers]
    assert bodies[0] == bodies[1]
    assert [each.status_code for each in answers] == [404, 404]
    assert (await fetched(world, "nobody", file_id)).status_code == 401
    with pytest.raises(Refused) as refused:  # it hangs on something already
        await opened(world, attachmentIds=[file_id])
    assert refused.value.code == "NO_SUCH_ATTACHMENT"
    with pytest.raises(Refused) as refused:  # somebody else's
        await opened(world, attachmentIds=[(await sent(world, "stranger")).json()["id"]])
    assert refused.value.code == "NO_SUCH_ATTACHMENT"


async def test_what_is_no_file_for_support_is_refused(world: World) -> None:
    for content, headers, status, code in (
        (b"MZ\x00\xff", {}, 415, "ATTACHMENT_KIND_NOT_TAKEN"),
        (b"", {}, 422, "ATTACHMENT_EMPTY"),
        (PNG, {"content-type": "text/html"}, 415, "FILE_MEDIA_TYPE_NOT_TAKEN"),
        (PNG, {"portico-file-for": "fun"}, 422, "FILE_PURPOSE_NOT_KNOWN"),
        (PNG, {"portico-file-name": "%ff"}, 422, "ATTACHMENT_NAME_NOT_USABLE"),
    ):
        answer = await sent(world, "observer", content, **headers)
        assert (answer.status_code, answer.json()["code"]) == (status, code)
    plain = await sent(world, "observer", "Rīga\n".encode(), **{"content-type": "text/plain"})
    assert plain.json()["contentType"] == "text/plain; charset=utf-8"


async def test_a_notes_file_is_the_staffs_alone(world: World) -> None:
    file_id = (await sent(world, "operator")).json()["id"]
    request_id = await opened(world)
    noted = {"requestId": request_id, "text": "Seen before.", "attachmentIds": [file_id]}
    await world.make("operator", "noteSupportRequest", REQUEST, **noted)
    assert (await fetched(world, "operator", file_id)).status_code == 200
    assert (await fetched(world, "observer", file_id)).status_code == 404
    seen = (await world.people["observer"].ask(THREAD, id=request_id))["supportRequest"]["messages"]
    assert (seen["totalCount"], [each["isNote"] for each in seen["nodes"]]) == (1, [False])


async def test_an_answer_is_told_at_once_and_by_mail_and_answered_by_mail(world: World) -> None:
    request_id = await opened(world, about=world.ids["application"])
    url = world.url.replace("http://", "ws://", 1)
    query = "subscription($id: ID!) { supportRequestChanged(requestId: $id) { status messages { totalCount } } }"
    async with connect(url, subprotocols=["graphql-transport-ws"]) as socket:  # type: ignore[list-item]
        hello = {"type": "connection_init", "payload": {"authorization": f"Bearer {world.people['observer'].token}"}}
        await socket.send(json.dumps(hello))
        await socket.recv()
        started = {"id": "1", "type": "subscribe", "payload": {"query": query, "variables": {"id": request_id}}}
        await socket.send(json.dumps(started))
        words = f"Low tide at {request_id[-6:]}?"
        async with asyncio.timeout(60):
            telling = asyncio.create_task(socket.recv())
            while not telling.done():  # the watch may begin a moment after the first answer
                await world.make("operator", "replySupportRequest", REQUEST, requestId=request_id, text=words)
                await asyncio.wait({telling}, timeout=2)
        seen = json.loads(await telling)["payload"]["data"]["supportRequestChanged"]
        assert (seen["status"], seen["messages"]["totalCount"] >= 2) == ("WAITING_FOR_USER", True)
    await world.mailbox.answer(world.address_of("observer"), "Yes, please.", about=words, seconds=60)
    last = (await world.people["operator"].ask(THREAD, id=request_id))["supportRequest"]["messages"]["nodes"][-1]
    assert (last["text"], last["channel"], last["authorName"]) == ("Yes, please.", "MAIL", "Observer")


async def test_the_operators_queue_and_everybodys_lists(world: World) -> None:
    request_id = await opened(world)
    queue = (
        "query($after: String) { operator { supportRequests(first: 100, after: $after) { nodes { id ageSeconds holderName } } } }"
    )
    seen = (await world.people["operator"].ask(queue))["operator"]["supportRequests"]["nodes"]
    assert request_id in [each["id"] for each in seen]
    own = "{ viewer { supportRequests(first: 100) { nodes { id } } } }"
    for who, holds in (("observer", True), ("owner", False)):
        listed = (await world.people[who].ask(own))["viewer"]["supportRequests"]["nodes"]
        assert ({"id": request_id} in listed) == holds
    of = "query($id: ID!) { organization(id: $id) { supportRequests(status: OPEN) { nodes { id } } } }"
    listed = (await world.people["owner"].ask(of, id=world.ids["organization"]))["organization"]["supportRequests"]["nodes"]
    assert {"id": request_id} in listed
    assert (await world.people["owner"].ask(queue))["operator"] is None


async def test_the_operators_desk_shows_what_waits_in_support(world: World) -> None:
    request_id = await opened(world)
    await world.make("operator", "takeSupportRequest", REQUEST, requestId=request_id)
    figures = "waiting oldestSeconds holders { userId waiting staffMember { user { name } } }"
    text = f"{{ viewer {{ user {{ id }} }} operator {{ queues {{ supportRequests {{ {figures} }} }} }} }}"
    seen = await world.people["operator"].ask(text)
    queue = seen["operator"]["queues"]["supportRequests"]
    holders = {each["userId"]: each for each in queue["holders"]}
    mine = holders[seen["viewer"]["user"]["id"]]
    assert mine["waiting"] >= 1
    assert mine["staffMember"] is not None
    assert queue["waiting"] == sum(each["waiting"] for each in queue["holders"])
    assert queue["oldestSeconds"] is not None


async def test_every_requirement_says_how_to_ask_for_help_with_it(world: World) -> None:
    text = "query($slug: String!) { product(slug: $slug) { requires { kind step help { about category } } } }"
    steps = (await world.people["owner"].ask(text, slug=world.ids["public_slug"]))["product"]["requires"]
    for step in steps:
        made = await world.make("observer", "openSupportRequest", REQUEST, subject="Help", text="How?", **step["help"])
        assert made["topic"]["step"] or made["topic"]["thingId"]
        await world.make("observer", "closeSupportRequest", REQUEST, requestId=made["id"])


async def test_the_staff_finds_a_notice_of_what_was_opened(world: World) -> None:
    request_id = await opened(world)
    text = "{ viewer { inbox(first: 100) { nodes { kind about link } } } }"
    async with asyncio.timeout(60):
        while True:
            found = (await world.people["operator"].ask(text))["viewer"]["inbox"]["nodes"]
            if any((each["kind"], each["about"]) == ("SUPPORT_OPENED", request_id) for each in found):
                break
            await asyncio.sleep(0.1)
