"""Onboarding under attack: what happens at once, what is sent oddly, what changes between looking and deciding."""

import asyncio
import base64
from datetime import timedelta
from typing import Any

import orjson
import pytest

from chassis.principal import Principal
from services.identity.files import actions as files
from services.identity.files.actions import remove_lapsed
from services.identity.files.domain import INTAKE, FileDamaged
from tests.services.identity.conftest import MakeWorld
from tests.services.identity.filing import PDF, Bureau, fetch, form, send, staff
from tests.services.identity.test_onboarding_approving import SEEN, approve, contact, filed
from tests.services.identity.world import World

REASONS = [{"part": "DOCUMENT", "message": "Sign it."}]
GIVEN: dict[str, dict[str, Any]] = {"withdraw": {}, "reject": {"reason": "No."}, "return": {"reasons": REASONS}}
ABSENT = "onb_01JD0000000000000000000000"


def cursor(*key: Any) -> str:
    return base64.urlsafe_b64encode(orjson.dumps(key)).decode().rstrip("=")


@pytest.mark.parametrize("other", ["withdraw", "reject", "return"])
async def test_of_an_approval_and_another_decision_at_once_one_is_done_and_it_is_whole(bureau: Bureau, other: str) -> None:
    reader = bureau.world.store.reader()
    for number in range(4):
        name = f"race{other}{number}"
        owner, organization_id, request_id = await filed(bureau, contact=contact(name))
        await bureau.world.passport(bureau.operator)
        await bureau.world.passport(owner)
        given = GIVEN[other]
        by = owner if other == "withdraw" else bureau.operator
        works = [approve(bureau, request_id), bureau.do(other, by, request_id=request_id, **given)]
        said = await asyncio.gather(*(works if number % 2 else works[::-1]))
        assert sorted(each.status for each in said) == [200, 409], [each.body for each in said]
        is_approved = (await bureau.see(request_id, bureau.operator))["status"] == "APPROVED"
        numbers = await reader.collection("data_exchanges").count_documents({"organization_id": organization_id})
        users = await reader.collection("users").count_documents({"email_key": f"{name}@approved.example"})
        invitations = await reader.collection("invitations").count_documents({"organization_id": organization_id})
        assert (numbers, users, invitations) == ((1, 1, 1) if is_approved else (0, 0, 0))
        assert len(await bureau.facts(request_id, 2)) == 2


async def test_nothing_is_attached_to_what_is_submitted_at_that_moment(bureau: Bureau) -> None:
    world = bureau.world
    owner = await world.someone()
    request_id = await bureau.draft(owner, await world.organization(owner), contact=contact("submits"))
    await bureau.attach(owner, request_id)
    sent = [(await send(world, owner)).id for _ in range(3)]
    said = await asyncio.gather(
        *(bureau.do("submit", owner, request_id=request_id) for _ in range(4)),
        *(world.do("attach_signed_document", owner, request_id=request_id, file_id=each) for each in sent),
    )
    assert sorted(each.status for each in said[:4]) == [200, 409, 409, 409]
    seen = await bureau.see(request_id, owner)
    assert len(seen["documents"]) == 1 + sum(each.status == 200 for each in said[4:])
    kinds = [act["kind"] for stage in seen["timeline"] for act in stage["acts"]]
    assert kinds[-1] == "SUBMITTED"
    assert kinds.count("SUBMITTED") == 1


async def test_one_file_hangs_on_one_request(bureau: Bureau) -> None:
    world = bureau.world
    owner = await world.someone()
    ids = [await bureau.draft(owner, await world.organization(owner, f"Org {number}")) for number in range(4)]
    file_id = (await send(world, owner)).id
    said = await asyncio.gather(*(world.do("attach_signed_document", owner, request_id=each, file_id=file_id) for each in ids))
    assert sorted(each.status for each in said) == [200, 404, 404, 404]


async def test_one_contact_person_of_several_requests_at_once_is_made_once(bureau: Bureau) -> None:
    ids = [await bureau.recorded(contact=contact("same")) for _ in range(4)]
    await bureau.world.passport(bureau.operator)
    said = await asyncio.gather(*(bureau.do("approve", bureau.operator, request_id=each) for each in ids))
    assert [each.status for each in said] == [200] * 4
    users = bureau.world.store.reader().collection("users")
    assert await users.count_documents({"email_key": "same@approved.example"}) == 1


@pytest.mark.parametrize("key", [(2**63, "x"), (2**64 - 1, "x"), (1.5, "x"), (1, 1), (True, "x")])
async def test_a_cursor_of_another_list_is_refused(bureau: Bureau, key: tuple[Any, ...]) -> None:
    said = await bureau.world.load("onboarding_queue", ["all"], bureau.operator, after=cursor(*key))
    assert (said.status == 200) == (key[0] is True)
    assert said.status in (200, 422)


@pytest.mark.parametrize("moment", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", "soon"])
async def test_a_moment_that_no_calendar_has_is_refused(bureau: Bureau, moment: str) -> None:
    said = await bureau.world.load("expiring_certificates", ["all"], bureau.operator, after=cursor(moment, "x"))
    assert (said.status, said.fields) == (422, ["after"])
    file_id = (await send(bureau.world, bureau.operator)).id
    given = {"received_at": moment, "language": "LV", "channel": "PAPER", "file_id": file_id}
    said = await bureau.do("record", bureau.operator, form=form(), **given)
    assert (said.status, said.fields) == (422, ["received_at"])


async def test_contents_that_come_too_late_leave_nothing_behind(make_world: MakeWorld) -> None:
    world = await make_world()
    person = Principal((await world.someone()).user_id)
    upload = INTAKE.read("late.pdf", PDF + b"x" * 3_000_000)
    coming = await world.store.transact(person, lambda tx: files.announce_upload(tx, upload))
    world.clock.ahead += timedelta(minutes=16)
    assert await remove_lapsed(world.store) == 1
    reader = world.store.reader(person)
    await files.put_contents(reader, coming, upload)
    with pytest.raises(FileDamaged):
        await files.keep_or_forget(world.store, person, coming)
    assert await reader.collection("contents.chunks").find({}) == []
    assert await reader.collection("contents.files").find({}) == []


async def test_what_was_submitted_anew_is_not_approved_by_whoever_saw_the_former(bureau: Bureau) -> None:
    owner, _, request_id = await filed(bureau, contact=contact("anew"))
    looked = (await bureau.see(request_id, bureau.operator))["submitted_at"]
    await bureau.do("return", await staff(bureau.world), request_id=request_id, reasons=REASONS)
    await bureau.attach(owner, request_id, PDF + b"\n")
    await bureau.do("submit", owner, request_id=request_id)
    said = await approve(bureau, request_id, submitted_at=looked)
    assert (said.status, said.code) == (409, "SUBMITTED_ANEW")
    looked = (await bureau.see(request_id, bureau.operator))["submitted_at"]
    assert (await approve(bureau, request_id, submitted_at=looked)).status == 200


async def remove(world: World, by: Any, request_id: str, file_id: str) -> Any:
    return await world.do("remove_signed_document", by, request_id=request_id, file_id=file_id)


async def test_a_wrongly_attached_document_is_removed_with_its_file(bureau: Bureau) -> None:
    world = bureau.world
    team = await world.team()
    owner = team.members["OWNER"]
    request_id = await bureau.draft(owner, team.organization_id)
    file_id = (await bureau.attach(owner, request_id))["documents"][0]["file"]["id"]
    for role in ("DEVELOPER", "OBSERVER"):
        assert (await remove(world, team.members[role], request_id, file_id)).code == "ROLE_NOT_ALLOWED"
    for by in (team.stranger, bureau.operator):
        said = await remove(world, by, request_id, file_id)
        assert said.status == 404
        assert said.without_trace == (await remove(world, by, ABSENT, file_id)).without_trace
    assert (await remove(world, None, request_id, file_id)).code == "SIGN_IN_FIRST"
    said = await remove(world, owner, request_id, "fil_none")
    assert (said.code, said.fields) == ("NO_SUCH_DOCUMENT", ["file_id"])
    said = await asyncio.gather(*(remove(world, team.members["ADMINISTRATOR"], request_id, file_id) for _ in range(3)))
    assert sorted(each.status for each in said) == [200, 404, 404]
    seen = await bureau.see(request_id, owner)
    assert seen["documents"] == []
    assert [act["kind"] for act in seen["timeline"][-1]["acts"]] == ["DRAFTED", "DOCUMENT_ATTACHED", "DOCUMENT_REMOVED"]
    assert (await fetch(world, owner, file_id)).status == 404
    again = await world.do("attach_signed_document", owner, request_id=request_id, file_id=file_id)
    assert again.code == "NO_SUCH_FILE"
    assert (await bureau.do("submit", owner, request_id=request_id)).code == "SIGNED_DOCUMENT_MISSING"
    await remove_lapsed(world.store)
    assert await world.store.reader().collection("contents.chunks").find({"files_id": file_id}) == []


async def test_what_was_submitted_keeps_its_documents(bureau: Bureau) -> None:
    owner, _, request_id = await filed(bureau, contact=contact("keeps"))
    file_id = (await bureau.see(request_id, owner))["documents"][0]["file"]["id"]
    assert (await remove(bureau.world, owner, request_id, file_id)).code == "NOT_YOURS_TO_CHANGE_NOW"
    await bureau.do("return", bureau.operator, request_id=request_id, reasons=REASONS)
    assert (await remove(bureau.world, owner, request_id, file_id)).code == "NO_SUCH_DOCUMENT"


async def test_what_came_on_paper_is_recorded_for_an_organization_that_is_here(bureau: Bureau) -> None:
    world = bureau.world
    team = await world.team()
    owner, given = team.members["OWNER"], {"organization_id": team.organization_id}
    request_id = (await record(bureau, **given)).result["id"]
    assert (await record(bureau, **given)).code == "REQUEST_OPEN_ALREADY"
    assert (await bureau.do("draft", owner, **given, form=form())).code == "REQUEST_OPEN_ALREADY"
    assert (await bureau.see(request_id, team.members["OBSERVER"]))["form"] is None
    assert (await bureau.see(request_id, owner))["form"]["purpose"]
    assert await bureau.see(request_id, team.stranger) is None
    await bureau.do("return", bureau.operator, request_id=request_id, reasons=REASONS)
    # What is signed on paper is what the operator wrote down, so nobody else changes it.
    assert (await bureau.do("change", owner, request_id=request_id, form=form())).code == "OPERATOR_ONLY"
    assert (await bureau.do("submit", owner, request_id=request_id)).code == "OPERATOR_ONLY"
    assert (await bureau.do("change", team.members["OBSERVER"], request_id=request_id, form=form())).code == "ROLE_NOT_ALLOWED"
    assert (await bureau.do("change", team.stranger, request_id=request_id, form=form())).code == "NOT_FOUND"
    assert (await bureau.do("submit", bureau.operator, request_id=request_id)).status == 200
    approved = (await bureau.do("approve", bureau.operator, request_id=request_id)).result
    assert (approved["organization_id"], approved["status"]) == (team.organization_id, "APPROVED")
    assert (await record(bureau, **given)).code == "ALREADY_ONBOARDED"
    said = await record(bureau, organization_id="org_01JD0000000000000000000000")
    assert (said.status, said.code, said.fields) == (404, "NO_SUCH_ORGANIZATION", ["organization_id"])


async def test_an_organization_withdraws_what_was_recorded_for_it(bureau: Bureau) -> None:
    team = await bureau.world.team()
    request_id = (await record(bureau, organization_id=team.organization_id)).result["id"]
    assert (await bureau.do("withdraw", team.members["OBSERVER"], request_id=request_id)).code == "ROLE_NOT_ALLOWED"
    assert (await bureau.do("withdraw", team.members["OWNER"], request_id=request_id)).result["status"] == "WITHDRAWN"
    assert (await approve(bureau, request_id, despite_finding=SEEN)).code == "NOT_TO_BE_DECIDED"


async def record(bureau: Bureau, **more: Any) -> Any:
    file_id = (await send(bureau.world, bureau.operator)).id
    given = {"received_at": "2026-01-02T10:00:00Z", "language": "LV", "channel": "PAPER", "file_id": file_id, **more}
    return await bureau.do("record", bureau.operator, form=form(contact=contact("onpaper")), **given)
