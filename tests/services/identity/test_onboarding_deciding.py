"""Onboarding, from the operator's side: the queue, taking, returning, rejecting, recording."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from services.identity.onboarding.judging import judge_waiting
from tests.services.identity.conftest import MakeWorld
from tests.services.identity.filing import Bureau, form, send, staff
from tests.services.identity.world import Person

REASONS = [{"part": "OTHER", "message": "Not so."}]
UNKNOWN = "onb_01JD0000000000000000000000"


async def filed(bureau: Bureau, **more: Any) -> tuple[Person, str, str]:
    owner = await bureau.world.someone("Olga Owner")
    organization_id = await bureau.world.organization(owner)
    return owner, organization_id, await bureau.submitted(owner, organization_id, **more)


async def test_the_queue_shows_the_longest_held_first_and_in_pages(make_world: MakeWorld) -> None:
    world = await make_world()
    bureau = await Bureau.open(world)
    ids = []
    for _ in range(5):
        ids.append(await bureau.recorded())
        world.clock.ahead += timedelta(hours=1)
    owner = await world.someone()
    draft_id = await bureau.draft(owner, await world.organization(owner))
    await bureau.do("take", bureau.operator, request_id=ids[1])
    await bureau.do("reject", bureau.operator, request_id=ids[4], reason="Not ours.")

    seen, after = [], None
    for _ in range(4):
        [page] = (await world.load("onboarding_queue", ["all"], bureau.operator, first=3, after=after)).rows
        seen += page["nodes"]
        assert page["total"] == 4
        after = page["next"]
        if after is None:
            break
    assert [each["id"] for each in seen] == ids[:4]
    assert [each["held_seconds"] // 3600 for each in seen] == [5, 4, 3, 2]
    assert [(each["status"], each["holder_name"]) for each in seen[:2]] == [
        ("SUBMITTED", None),
        ("IN_REVIEW", "Head of the Bureau"),
    ]
    for status, expected in (("IN_REVIEW", ids[1:2]), ("REJECTED", ids[4:]), ("DRAFT", []), ("RETURNED", [])):
        [page] = (await world.load("onboarding_queue", ["all"], bureau.operator, status=status)).rows
        assert [each["id"] for each in page["nodes"]] == expected
    assert draft_id not in str(seen)
    for wrong in ({"first": 0}, {"after": "?"}, {"after": "WyJhIiwxXQ"}, {"status": "LOST"}):
        said = await world.load("onboarding_queue", ["all"], bureau.operator, **wrong)
        assert said.status == 422
    [row] = (await world.load("operator", ["me"], bureau.operator)).rows
    assert row == {"platform_roles": ["OPERATOR_ADMINISTRATOR"]}


async def test_only_the_operator_decides(bureau: Bureau) -> None:
    owner, _, request_id = await filed(bureau)
    stranger = await bureau.world.someone()
    support = await staff(bureau.world, "SUPPORT")
    for by, status, code in ((owner, 403, "OPERATOR_ONLY"), (stranger, 403, "OPERATOR_ONLY"), (None, 401, "SIGN_IN_FIRST")):
        mine = await _decisions(bureau, by, request_id)
        assert [each.without_trace for each in mine] == [each.without_trace for each in await _decisions(bureau, by, UNKNOWN)]
        assert {(each.status, each.code) for each in mine} == {(status, code)}
    assert {(each.status, each.code) for each in await _decisions(bureau, support, request_id)} == {(403, "OPERATOR_ONLY")}
    assert (await bureau.see(request_id, owner))["status"] == "SUBMITTED"
    for by in (owner, stranger, None):
        file_id = (await send(bureau.world, by)).id if by else "fil_none"
        given = {"channel": "PAPER", "received_at": "2026-01-02T10:00:00Z", "language": "EN", "file_id": file_id}
        assert (await bureau.do("record", by, form=form(), **given)).code == ("OPERATOR_ONLY" if by else "SIGN_IN_FIRST")
        assert (await bureau.do("record", by)).code == ("OPERATOR_ONLY" if by else "SIGN_IN_FIRST")


async def test_support_looks_and_touches_nothing(bureau: Bureau) -> None:
    _, _, request_id = await filed(bureau)
    support, analyst = await staff(bureau.world, "SUPPORT"), await staff(bureau.world, "ANALYST")
    seen = await bureau.see(request_id, support)
    assert seen["form"]["legal_name"] == "SIA Grāmata"
    assert seen["same_number"] is not None
    [page] = (await bureau.world.load("onboarding_queue", ["all"], support, first=100)).rows
    assert request_id in [each["id"] for each in page["nodes"]]
    assert await bureau.see(request_id, analyst) is None
    assert (await bureau.world.load("onboarding_queue", ["all"], analyst)).rows == [None]
    assert (await bureau.world.load("operator", ["me"], analyst)).rows == [{"platform_roles": ["ANALYST"]}]


async def _decisions(bureau: Bureau, by: Person | None, request_id: str) -> list[Any]:
    return [
        await bureau.do("take", by, request_id=request_id),
        await bureau.do("return", by, request_id=request_id, reasons=REASONS),
        await bureau.do("reject", by, request_id=request_id, reason="No."),
        await bureau.do("approve", by, request_id=request_id),
    ]


async def test_what_does_not_exist_and_what_is_a_draft_are_the_same_to_the_operator(bureau: Bureau) -> None:
    owner = await bureau.world.someone()
    request_id = await bureau.draft(owner, await bureau.world.organization(owner))
    drafts = await _decisions(bureau, bureau.operator, request_id)
    absent = await _decisions(bureau, bureau.operator, UNKNOWN)
    assert [each.without_trace for each in drafts] == [each.without_trace for each in absent]
    assert {each.code for each in drafts} == {"NOT_FOUND"}


async def test_a_request_is_taken_and_taken_over(bureau: Bureau) -> None:
    owner, _, request_id = await filed(bureau)
    taken = (await bureau.do("take", bureau.operator, request_id=request_id)).result
    assert (taken["status"], taken["holder_name"]) == ("IN_REVIEW", "Head of the Bureau")
    again = (await bureau.do("take", bureau.operator, request_id=request_id)).result
    assert len(again["timeline"]) == len(taken["timeline"]) == 3
    other = await staff(bureau.world)
    assert (await bureau.do("take", other, request_id=request_id)).status == 200
    seen = await bureau.see(request_id, owner)
    assert [each["holder_name"] for each in seen["timeline"]][-2:] == ["Head of the Bureau", "Second of the Bureau"]
    assert (seen["status"], seen["holder_name"]) == ("IN_REVIEW", "Second of the Bureau")


async def test_nobody_decides_over_what_another_has_taken(bureau: Bureau) -> None:
    _, _, request_id = await filed(bureau)
    await bureau.do("take", await staff(bureau.world), request_id=request_id)
    for verb, more in (("return", {"reasons": REASONS}), ("reject", {"reason": "No."}), ("approve", {"despite_finding": "Yes."})):
        said = await bureau.do(verb, bureau.operator, request_id=request_id, **more)
        assert (said.status, said.code) == (409, "TAKEN_BY_ANOTHER")


@pytest.mark.parametrize(
    ("verb", "more", "fields"),
    [
        ("return", {"reasons": []}, ["reasons"]),
        ("return", {"reasons": [{"part": "SHOE_SIZE", "message": "x"}]}, ["reasons.0.part"]),
        ("return", {"reasons": [{"part": "OTHER", "message": "  "}]}, ["reasons.0.message"]),
        ("reject", {"reason": ""}, ["reason"]),
        ("reject", {}, ["reason"]),
        ("approve", {"despite_finding": " "}, ["despite_finding"]),
        ("approve", {"colour": "red"}, ["colour"]),
    ],
)
async def test_a_decision_without_its_reason_names_the_field(
    bureau: Bureau, verb: str, more: dict[str, Any], fields: list[str]
) -> None:
    said = await bureau.do(verb, bureau.operator, request_id=UNKNOWN, **more)
    assert (said.status, said.fields) == (422, fields)


async def test_a_rejected_request_says_why_and_a_new_one_may_come(bureau: Bureau) -> None:
    contact = {"name": "Rūta", "email": "ruta@gramata.example"}
    owner, organization_id, request_id = await filed(bureau, contact=contact)
    rejected = (await bureau.do("reject", bureau.operator, request_id=request_id, reason="There is no such law.")).result
    assert (rejected["status"], rejected["holder"]) == ("REJECTED", None)
    facts = await bureau.facts(request_id, 2)
    assert facts[1] == ("onboarding_rejected", {"request_id": request_id, "organization_id": organization_id})
    told = await bureau.world.told(request_id, "onboarding_rejected")
    assert told["reason"] == "There is no such law."
    assert told["asking"][0]["address"] == "ruta@gramata.example"
    for said in await _decisions(bureau, bureau.operator, request_id):
        assert (said.status, said.code) == (409, "NOT_TO_BE_DECIDED")
    assert (await bureau.do("withdraw", owner, request_id=request_id)).code == "REQUEST_FINISHED"
    await bureau.draft(owner, organization_id)


async def test_a_paper_request_is_recorded_corrected_and_kept_from_everybody_else(bureau: Bureau) -> None:
    contact = {"name": "Jānis", "email": "janis@papirs.example"}
    request_id = await bureau.recorded(contact=contact, legal_name="SIA Papīrs", registration_number="50001")
    seen = await bureau.see(request_id, bureau.operator)
    assert (seen["channel"], seen["status"], seen["organization_id"]) == ("PAPER", "SUBMITTED", None)
    assert seen["received_at"].startswith("2026-01-02T10:00:00")
    assert [act["kind"] for act in seen["timeline"][0]["acts"]] == ["RECORDED"]
    told = await bureau.world.told(request_id, "onboarding_submitted")
    assert told["asking"] == [{"user_id": None, "address": "janis@papirs.example", "name": "Jānis", "language": "lv"}]

    await bureau.do("return", bureau.operator, request_id=request_id, reasons=[{"part": "EMAIL", "message": "Nav."}])
    told = await bureau.world.told(request_id, "onboarding_returned")
    assert told["reasons"] == [{"part": "EMAIL", "message": "Nav."}]
    assert told["by_portal"] is False
    stranger = await bureau.world.someone()
    said = await bureau.do("change", stranger, request_id=request_id, form=form())
    absent = await bureau.do("change", stranger, request_id=UNKNOWN, form=form())
    assert said.status == 404
    assert said.without_trace == absent.without_trace
    assert (await bureau.do("withdraw", stranger, request_id=request_id)).code == "NOT_FOUND"
    changed = await bureau.do("change", bureau.operator, request_id=request_id, form=form(contact=contact, purpose="New."))
    assert changed.result["form"]["purpose"] == "New."
    assert (await bureau.do("submit", bureau.operator, request_id=request_id)).result["status"] == "SUBMITTED"
    facts = await bureau.facts(request_id, 3)
    assert facts[0] == ("onboarding_submitted", {"request_id": request_id, "organization_id": None, "channel": "PAPER"})


@pytest.mark.parametrize(
    ("more", "fields"),
    [
        ({"received_at": "2999-01-01T00:00:00Z"}, ["received_at"]),
        ({"received_at": "2026-01-01T00:00:00"}, ["received_at"]),
        ({"channel": "PORTAL"}, ["channel"]),
        ({"channel": "PIGEON"}, ["channel"]),
        ({"language": "FR"}, ["language"]),
        ({"file_id": "fil_none"}, ["file_id"]),
        ({"form": {**form(), "country": "LVA"}}, ["form.country"]),
    ],
)
async def test_what_is_recorded_wrongly_names_the_field(bureau: Bureau, more: dict[str, Any], fields: list[str]) -> None:
    given = {"channel": "MAIL", "received_at": "2026-01-02T10:00:00Z", "language": "EN", "form": form()}
    file_id = (await send(bureau.world, bureau.operator)).id
    said = await bureau.do("record", bureau.operator, **{**given, "file_id": file_id, **more})
    assert said.status in (404, 422)
    assert said.fields == fields
    if "file_id" not in more:
        [row] = (await bureau.world.load("files_by_id", [file_id], bureau.operator)).rows
        assert row["expires_at"] is not None


async def test_the_operator_is_warned_of_one_number_given_by_several(bureau: Bureau) -> None:
    owner, organization_id, request_id = await filed(bureau, registration_number="777-000 1", legal_name="SIA One")
    second_id = await bureau.recorded(registration_number="7770001", legal_name="SIA Two")
    await bureau.recorded(registration_number="7770001", country="LT")
    draft_owner = await bureau.world.someone()
    await bureau.draft(draft_owner, await bureau.world.organization(draft_owner), registration_number="7770001")
    seen = await bureau.see(request_id, bureau.operator)
    assert [(each["request_id"], each["legal_name"]) for each in seen["same_number"]] == [(second_id, "SIA Two")]
    seen = await bureau.see(second_id, bureau.operator)
    assert [each["organization_id"] for each in seen["same_number"]] == [organization_id]
    await bureau.do("withdraw", owner, request_id=request_id)
    third_id = await bureau.submitted(owner, organization_id, registration_number="7770001")
    assert [each["request_id"] for each in (await bureau.see(third_id, bureau.operator))["same_number"]] == [second_id]


async def test_what_was_left_unexamined_is_examined_later_and_holds_up_the_approval(make_world: MakeWorld) -> None:
    world = await make_world()
    bureau = await Bureau.open(world)
    _, _, request_id = await filed(bureau)
    requests = world.store.reader().collection("onboarding_requests")
    lost = {"documents.0.judging": "WAITING", "documents.0.finding": None, "waits_for_judge": True}
    await requests.update_one({"_id": request_id}, {"$set": lost})
    seen = await bureau.see(request_id, bureau.operator)
    assert (seen["documents"][0]["examination"], seen["documents"][0]["signature"]) == ("WAITING", None)
    said = await bureau.do("approve", bureau.operator, request_id=request_id, despite_finding="So what.")
    assert (said.status, said.code) == (409, "DOCUMENT_NOT_JUDGED_YET")

    async def fails(*_: Any) -> Any:
        raise ZeroDivisionError

    world.clock.ahead += timedelta(minutes=1)
    for number in range(3):
        assert await judge_waiting(world.store, fails) == 1, number
    assert await judge_waiting(world.store, fails) == 0
    assert (await bureau.see(request_id, bureau.operator))["documents"][0]["examination"] == "FAILED"
    said = await bureau.do("approve", bureau.operator, request_id=request_id)
    assert (said.code, said.fields) == ("FINDING_NOT_GOOD", ["despite_finding"])
    assert (await bureau.do("approve", bureau.operator, request_id=request_id, despite_finding="Seen.")).status == 200


async def test_two_operators_who_decide_at_once_decide_once(bureau: Bureau) -> None:
    _, _, request_id = await filed(bureau)
    other = await staff(bureau.world)
    await bureau.world.passport(bureau.operator)
    said = await asyncio.gather(
        bureau.do("reject", bureau.operator, request_id=request_id, reason="No."),
        bureau.do("return", other, request_id=request_id, reasons=REASONS),
        bureau.do("approve", bureau.operator, request_id=request_id, despite_finding="Yes."),
    )
    assert sorted(each.status for each in said) == [200, 409, 409]
    assert {each.code for each in said if each.status == 409} == {"NOT_TO_BE_DECIDED"}
    assert len(await bureau.facts(request_id, 2)) == 2
