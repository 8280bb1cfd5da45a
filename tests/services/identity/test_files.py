"""Files: sending, fetching, who may, and what lapses."""

import asyncio
import hashlib
import io
import zipfile
from datetime import timedelta

import pytest

from services.identity.files.actions import remove_lapsed
from services.identity.files.domain import MOST_BYTES, MOST_UNATTACHED
from tests.services.identity.conftest import MakeWorld
from tests.services.identity.filing import PDF, Bureau, fetch, send
from tests.services.identity.world import World


def container(mimetype: bytes | None = b"application/vnd.etsi.asic-e+zip") -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        if mimetype is not None:
            archive.writestr("mimetype", mimetype)
        archive.writestr("form.txt", b"form")
    return made.getvalue()


@pytest.mark.parametrize(
    ("name", "content", "kind"),
    [
        ("form.pdf", PDF, "application/pdf"),
        ("form.edoc", container(), "application/vnd.etsi.asic-e+zip"),
        ("form.zip", container(None), "application/zip"),
        ("form.pdf", container(b"text/plain"), "application/zip"),
        ("large.pdf", PDF + b"x" * (MOST_BYTES - len(PDF)), "application/pdf"),
    ],
)
async def test_what_is_sent_is_what_is_fetched(world: World, name: str, content: bytes, kind: str) -> None:
    person = await world.someone()
    sent = await send(world, person, content, name)
    kept = sent.body["result"]
    assert kept["sha256"] == hashlib.sha256(content).hexdigest()
    assert (kept["name"], kept["size"], kept["content_type"]) == (name, len(content), kind)
    got = await fetch(world, person, sent.id)
    assert (got.status, got.answer.body) == (200, content)
    assert got.answer.headers["content-type"] == kind
    assert got.answer.headers["content-disposition"] == f"attachment; filename=\"{name}\"; filename*=UTF-8''{name}"
    assert got.answer.headers["x-content-type-options"] == "nosniff"
    assert got.answer.headers["cache-control"] == "no-store"
    assert (await world.load("files_by_id", [sent.id, "fil_none"], person)).rows[0]["name"] == name


@pytest.mark.parametrize(
    ("content", "status", "code"),
    [
        (b"", 422, "FILE_EMPTY"),
        (b"<html><script>", 415, "FILE_KIND_NOT_TAKEN"),
        (b"\x89PNG\r\n", 415, "FILE_KIND_NOT_TAKEN"),
        (b" %PDF-1.7", 415, "FILE_KIND_NOT_TAKEN"),
        (b"PK", 415, "FILE_KIND_NOT_TAKEN"),
        (b"PK\x03\x04", 200, ""),
        (PDF + b"x" * MOST_BYTES, 413, "FILE_TOO_LARGE"),
    ],
)
async def test_what_is_not_taken(world: World, content: bytes, status: int, code: str) -> None:
    sent = await send(world, await world.someone(), content)
    assert (sent.status, sent.body.get("code", "")) == (status, code)


@pytest.mark.parametrize("name", ["", "%", "%ff", "ä", "%ED%A0%80"])
async def test_a_name_that_cannot_be_read_is_refused(world: World, name: str) -> None:
    sent = await send(world, await world.someone(), PDF, **{"portico-file-name": name})
    if name == "%":
        assert sent.body["result"]["name"] == "%"
        return
    assert (sent.status, sent.body["code"]) == (422, "FILE_NAME_NOT_USABLE")
    assert [each["field"] for each in sent.body["fields"]] == ["name"]


async def test_a_name_in_any_script_is_saved_under_it(world: World) -> None:
    person = await world.someone()
    sent = await send(world, person, PDF, "Заявка №1; «ā».pdf")
    headers = (await fetch(world, person, sent.id)).answer.headers
    assert headers["content-disposition"].isascii()
    assert "filename*=UTF-8''%D0%97%D0%B0%D1%8F%D0%B2%D0%BA%D0%B0%20%E2%84%961%3B" in headers["content-disposition"]


async def test_a_file_that_hangs_on_nothing_is_its_uploaders_alone(world: World) -> None:
    person, other = await world.someone(), await world.someone()
    file_id = (await send(world, person)).id
    foreign, absent = await fetch(world, other, file_id), await fetch(world, other, "fil_01JD0000000000000000000000")
    assert foreign.status == 404
    assert foreign.without_trace == absent.without_trace
    assert (await world.load("files_by_id", [file_id], other)).rows == [None]
    assert (await world.load("files_by_id", [file_id])).rows == [None]
    for nobodys in (await fetch(world, None, file_id), await fetch(world, None, "fil_none"), await send(world, None)):
        assert (nobodys.status, nobodys.body["code"]) == (401, "SIGN_IN_FIRST")


async def test_an_attached_file_is_seen_by_who_may_file_and_by_the_operator(bureau: Bureau) -> None:
    world = bureau.world
    team = await world.team()
    request_id = await bureau.draft(team.members["OWNER"], team.organization_id)
    [document] = (await bureau.attach(team.members["OWNER"], request_id))["documents"]
    file_id = document["file"]["id"]
    statuses = {role: (await fetch(world, person, file_id)).status for role, person in team.members.items()}
    assert statuses == {"OWNER": 200, "ADMINISTRATOR": 200, "DEVELOPER": 404, "OBSERVER": 404}
    assert (await fetch(world, team.stranger, file_id)).status == 404
    assert (await fetch(world, bureau.operator, file_id)).status == 404
    await bureau.do("submit", team.members["OWNER"], request_id=request_id)
    assert (await fetch(world, bureau.operator, file_id)).status == 200
    given = {"organization_id": team.organization_id, "user_id": team.members["ADMINISTRATOR"].user_id}
    await world.do("change_role", team.members["OWNER"], **given, role="OBSERVER")
    assert (await fetch(world, team.members["ADMINISTRATOR"], file_id)).status == 404


async def test_what_hangs_on_nothing_lapses_after_a_day_with_all_its_pieces(make_world: MakeWorld) -> None:
    world = await make_world()
    bureau = await Bureau.open(world)
    person = await world.someone()
    organization_id = await world.organization(person)
    request_id = await bureau.draft(person, organization_id)
    [document] = (await bureau.attach(person, request_id))["documents"]
    file_id = (await send(world, person, PDF + b"x" * 3_000_000)).id
    world.clock.ahead += timedelta(hours=23)
    assert await remove_lapsed(world.store) == 0
    assert (await fetch(world, person, file_id)).status == 200
    world.clock.ahead += timedelta(hours=2)
    assert (await fetch(world, person, file_id)).status == 404
    said = await world.do("attach_signed_document", person, request_id=request_id, file_id=file_id)
    assert (said.status, said.code, said.fields) == (404, "NO_SUCH_FILE", ["file_id"])
    assert await remove_lapsed(world.store) == 1
    assert await remove_lapsed(world.store) == 0
    chunks = world.store.reader().collection("contents.chunks")
    assert {row["files_id"] for row in await chunks.find({})} == {document["file"]["id"]}
    assert (await fetch(world, person, document["file"]["id"])).status == 200


async def test_an_upload_that_broke_off_is_never_shown_and_goes(make_world: MakeWorld) -> None:
    world = await make_world()
    person = await world.someone()
    file_id = (await send(world, person)).id
    files = world.store.reader().collection("files")
    await files.update_one({"_id": file_id}, {"$set": {"state": "COMING"}})
    assert (await fetch(world, person, file_id)).status == 404
    world.clock.ahead += timedelta(days=2)
    assert await remove_lapsed(world.store) == 1
    assert await files.find({}) == []


async def test_a_damaged_file_is_not_given(world: World) -> None:
    person = await world.someone()
    file_id = (await send(world, person)).id
    await world.store.reader().collection("contents.chunks").update_one({"files_id": file_id}, {"$set": {"data": b"%PDF-other"}})
    got = await fetch(world, person, file_id)
    assert (got.status, got.body["code"]) == (503, "FILE_DAMAGED")


async def test_nobody_fills_the_database_with_what_hangs_on_nothing(world: World) -> None:
    person, other = await world.someone(), await world.someone()
    for _ in range(MOST_UNATTACHED - 2):
        assert (await send(world, person)).status == 200
    said = await asyncio.gather(*(send(world, person) for _ in range(5)))
    assert sorted(each.status for each in said) == [200, 200, 409, 409, 409]
    assert {each.body["code"] for each in said if each.status == 409} == {"TOO_MANY_UNATTACHED_FILES"}
    assert (await send(world, other)).status == 200


async def test_without_a_passport_no_file_is_taken_or_given(world: World) -> None:
    for header in ("", "not.a.passport"):
        sent = await send(world, None, PDF, **{"portico-passport": header})
        assert sent.status == 401
        assert sent.body["code"] in ("PASSPORT_MISSING", "PASSPORT_NOT_ACCEPTED")
