"""Onboarding, from the organization's side: filing, correcting, withdrawing, and who sees what."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from tests.services.identity.conftest import MakeWorld
from tests.services.identity.filing import PDF, Bureau, form, send
from tests.services.identity.world import Person, Team

UNKNOWN = "onb_01JD0000000000000000000000"


@pytest.fixture
async def team(bureau: Bureau) -> Team:
    return await bureau.world.team()


async def owner_of(bureau: Bureau) -> tuple[Person, str]:
    person = await bureau.world.someone()
    return person, await bureau.world.organization(person)


async def test_a_request_goes_from_draft_to_the_operator(bureau: Bureau) -> None:
    owner, organization_id = await owner_of(bureau)
    contact = {"name": "Zane Ozola", "email": "zane@gramata.example", "position": "Architect"}
    drafted = (await bureau.do("draft", owner, organization_id=organization_id, form=form(contact=contact))).result
    assert (drafted["status"], drafted["holder"], drafted["holder_name"]) == ("DRAFT", "RECIPIENT", "SIA Grāmata")
    assert (drafted["channel"], drafted["number"], drafted["submitted_at"]) == ("PORTAL", None, None)
    assert drafted["form"]["country"] == "LV"
    assert drafted["form"]["contact"] == {**contact, "phone": None}
    assert drafted["form"]["services"] == []
    request_id = drafted["id"]
    assert await bureau.see(request_id, bureau.operator) is None

    early = await bureau.do("submit", owner, request_id=request_id)
    assert (early.status, early.code) == (409, "SIGNED_DOCUMENT_MISSING")
    attached = await bureau.attach(owner, request_id, name="Pieteikums.pdf")
    [document] = attached["documents"]
    assert (document["file"]["name"], document["file"]["content_type"]) == ("Pieteikums.pdf", "application/pdf")
    assert (document["examination"], document["is_current"], document["attached_by"]) == ("DONE", True, "Somebody")
    assert document["signature"]["verdict"] in ("NOT_SIGNED", "NOT_READABLE")
    assert document["signature"]["file_sha256"] == document["file"]["sha256"]
    assert document["signature"]["sentences"]

    submitted = (await bureau.do("submit", owner, request_id=request_id)).result
    assert (submitted["status"], submitted["holder"], submitted["holder_name"]) == ("SUBMITTED", "OPERATOR", None)
    assert (await bureau.see(request_id, bureau.operator))["form"] == submitted["form"]
    told = await bureau.world.told(request_id, "onboarding_submitted")
    assert [(each["user_id"], each["address"]) for each in told["asking"]] == [
        (None, contact["email"]),
        (owner.user_id, owner.email),
    ]
    assert told["provider"] == []
    [heard] = [each for each in bureau.world.heard if each.subject == request_id]
    assert heard.data["legal_name"] == "SIA Grāmata"
    assert contact["email"] not in str(heard)
    facts = await bureau.facts(request_id, 1)
    assert facts == [
        ("onboarding_submitted", {"request_id": request_id, "organization_id": organization_id, "channel": "PORTAL"})
    ]


async def test_a_draft_may_be_changed_and_what_is_with_the_operator_may_not(bureau: Bureau) -> None:
    owner, organization_id = await owner_of(bureau)
    request_id = await bureau.draft(owner, organization_id)
    for purpose in ("To know.", "To know more."):
        changed = (await bureau.do("change", owner, request_id=request_id, form=form(purpose=purpose))).result
    assert changed["form"]["purpose"] == "To know more."
    [stage] = changed["timeline"]
    assert [act["kind"] for act in stage["acts"]] == ["DRAFTED", "CHANGED"]
    await bureau.attach(owner, request_id)
    await bureau.do("submit", owner, request_id=request_id)
    file_id = (await send(bureau.world, owner)).id
    for said in (
        await bureau.do("change", owner, request_id=request_id, form=form()),
        await bureau.world.do("attach_signed_document", owner, request_id=request_id, file_id=file_id),
        await bureau.do("submit", owner, request_id=request_id),
    ):
        assert (said.status, said.code) == (409, "NOT_YOURS_TO_CHANGE_NOW")
    assert (await bureau.world.load("files_by_id", [file_id], owner)).rows[0]["expires_at"] is not None


async def test_an_organization_has_one_open_request_at_a_time(bureau: Bureau) -> None:
    owner, organization_id = await owner_of(bureau)
    await bureau.world.passport(owner)
    said = await asyncio.gather(*(bureau.do("draft", owner, organization_id=organization_id, form=form()) for _ in range(4)))
    assert sorted(each.status for each in said) == [200, 409, 409, 409]
    assert {each.code for each in said if each.status == 409} == {"REQUEST_OPEN_ALREADY"}
    [request_id] = [each.result["id"] for each in said if each.status == 200]
    withdrawn = (await bureau.do("withdraw", owner, request_id=request_id, reason="Later.")).result
    assert (withdrawn["status"], withdrawn["holder"], withdrawn["held_seconds"]) == ("WITHDRAWN", None, None)
    assert withdrawn["timeline"][-1]["acts"][0]["reason"] == "Later."
    again = await bureau.do("withdraw", owner, request_id=request_id)
    assert (again.status, again.code) == (409, "REQUEST_FINISHED")
    await bureau.draft(owner, organization_id)
    [rows] = (await bureau.world.load("onboarding_requests_by_organization", [organization_id], owner)).rows
    assert [row["status"] for row in rows] == ["DRAFT", "WITHDRAWN"]


async def test_a_submitted_request_can_be_withdrawn_and_is_announced_so(bureau: Bureau) -> None:
    owner, organization_id = await owner_of(bureau)
    request_id = await bureau.submitted(owner, organization_id)
    await bureau.do("withdraw", owner, request_id=request_id)
    facts = await bureau.facts(request_id, 2)
    assert facts[1] == ("onboarding_withdrawn", {"request_id": request_id, "organization_id": organization_id})
    said = await bureau.do("take", bureau.operator, request_id=request_id)
    assert (said.status, said.code) == (409, "NOT_TO_BE_DECIDED")


BAD: list[tuple[dict[str, Any], list[str]]] = [
    ({"legal_name": " "}, ["form.legal_name"]),
    ({"legal_name": None}, ["form.legal_name"]),
    ({"registration_number": "№ 1"}, ["form.registration_number"]),
    ({"country": "Latvia"}, ["form.country"]),
    ({"address": ""}, ["form.address"]),
    ({"email": "office"}, ["form.email"]),
    ({"email": None}, ["form.email", "form.e_address"]),
    ({"phone": "call me"}, ["form.phone"]),
    ({"contact": {"name": "", "email": "x"}}, ["form.contact.name", "form.contact.email"]),
    ({"contact": {"name": "A", "email": "a@b.example", "pet": "cat"}}, ["form.contact.pet"]),
    ({"contact_role": "OWNER"}, ["form.contact_role"]),
    ({"contact_role": "KING"}, ["form.contact_role"]),
    ({"provider_contact": None}, ["form.provider_contact"]),
    ({"purpose": " \n "}, ["form.purpose"]),
    ({"services_text": None}, ["form.product_ids", "form.services_text"]),
    ({"product_ids": ["app_1"]}, ["form.product_ids.0"]),
    ({"certificate_pem": "-----BEGIN CERTIFICATE-----\nno\n-----END CERTIFICATE-----\n"}, ["form.certificate_pem"]),
    ({"certificate_pem": "x" * 40_000}, ["form.certificate_pem"]),
    ({"purpose": "x" * 2001, "legal_basis": "\x00"}, ["form.purpose", "form.legal_basis"]),
]


@pytest.mark.parametrize(("more", "fields"), BAD, ids=[",".join(fields) for _, fields in BAD])
async def test_a_form_that_cannot_be_used_names_each_field(bureau: Bureau, more: dict[str, Any], fields: list[str]) -> None:
    owner, organization_id = await owner_of(bureau)
    said = await bureau.do("draft", owner, organization_id=organization_id, form=form(**more))
    assert (said.status, said.fields) == (422, fields)
    assert all(each["message"] for each in said.body["fields"])
    assert (await bureau.world.load("onboarding_requests_by_organization", [organization_id], owner)).rows == [[]]


async def test_an_e_address_and_products_are_enough(bureau: Bureau) -> None:
    owner, organization_id = await owner_of(bureau)
    given = form(email=None, e_address="_DEFAULT@40003123456", services_text=None, product_ids=["prd_1", "prd_2", "prd_1"])
    said = (await bureau.do("draft", owner, organization_id=organization_id, form=given)).result
    assert [each["product_id"] for each in said["form"]["services"]] == ["prd_1", "prd_2"]


@pytest.mark.parametrize("role", ["OWNER", "ADMINISTRATOR"])
async def test_who_may_file_does_everything(bureau: Bureau, team: Team, role: str) -> None:
    request_id = await bureau.submitted(team.members[role], team.organization_id)
    seen = await bureau.see(request_id, team.members[role])
    assert seen["form"]["purpose"]
    assert len(seen["documents"]) == 1
    assert seen["same_number"] is None


@pytest.mark.parametrize("role", ["DEVELOPER", "OBSERVER"])
async def test_others_see_where_it_stands_and_nothing_more(bureau: Bureau, team: Team, role: str) -> None:
    by = team.members[role]
    request_id = await bureau.submitted(team.members["OWNER"], team.organization_id)
    seen = await bureau.see(request_id, by)
    assert (seen["status"], seen["legal_name"]) == ("SUBMITTED", "SIA Grāmata")
    assert [stage["status"] for stage in seen["timeline"]] == ["DRAFT", "SUBMITTED"]
    assert (seen["form"], seen["documents"], seen["same_number"]) == (None, None, None)
    assert "anna@gramata.example" not in str(seen)
    [rows] = (await bureau.world.load("onboarding_requests_by_organization", [team.organization_id], by)).rows
    assert [row["form"] for row in rows] == [None]
    file_id = (await send(bureau.world, by)).id
    for said in await _everything(bureau, by, team.organization_id, request_id, file_id=file_id):
        assert (said.status, said.code) == (403, "ROLE_NOT_ALLOWED")


async def test_to_strangers_nothing_of_it_exists(bureau: Bureau, team: Team) -> None:
    request_id = await bureau.submitted(team.members["OWNER"], team.organization_id)
    file_id = (await send(bureau.world, team.stranger)).id
    nowhere = "org_01JD0000000000000000000000"
    foreign = await _everything(bureau, team.stranger, team.organization_id, request_id, file_id=file_id)
    absent = await _everything(bureau, team.stranger, nowhere, UNKNOWN, file_id=file_id)
    assert [each.without_trace for each in foreign] == [each.without_trace for each in absent]
    assert {each.code for each in foreign} == {"NOT_FOUND"}
    anonymous = await _everything(bureau, None, team.organization_id, request_id, file_id=file_id)
    assert {(each.status, each.code) for each in anonymous} == {(401, "SIGN_IN_FIRST")}
    for by in (team.stranger, None):
        assert await bureau.see(request_id, by) is None
        assert (await bureau.world.load("onboarding_requests_by_organization", [team.organization_id], by)).rows == [None]
        assert (await bureau.world.load("operator", ["me"], by)).rows == [None]
        assert (await bureau.world.load("onboarding_queue", ["all"], by)).rows == [None]


async def _everything(bureau: Bureau, by: Person | None, organization_id: str, request_id: str, *, file_id: str) -> list[Any]:
    return [
        await bureau.do("draft", by, organization_id=organization_id, form=form()),
        await bureau.do("change", by, request_id=request_id, form=form()),
        await bureau.world.do("attach_signed_document", by, request_id=request_id, file_id=file_id),
        await bureau.do("submit", by, request_id=request_id),
        await bureau.do("withdraw", by, request_id=request_id),
    ]


async def test_only_ones_own_unattached_file_can_be_attached(bureau: Bureau, team: Team) -> None:
    owner, administrator = team.members["OWNER"], team.members["ADMINISTRATOR"]
    request_id = await bureau.draft(owner, team.organization_id)
    mine, theirs = (await send(bureau.world, owner)).id, (await send(bureau.world, administrator)).id
    given = {"request_id": request_id}
    foreign = await bureau.world.do("attach_signed_document", owner, **given, file_id=theirs)
    absent = await bureau.world.do("attach_signed_document", owner, **given, file_id="fil_01JD0000000000000000000000")
    assert foreign.without_trace == absent.without_trace
    assert (foreign.status, foreign.code, foreign.fields) == (404, "NO_SUCH_FILE", ["file_id"])
    said = await asyncio.gather(*(bureau.world.do("attach_signed_document", owner, **given, file_id=mine) for _ in range(3)))
    assert sorted(each.status for each in said) == [200, 404, 404]
    assert len((await bureau.see(request_id, owner))["documents"]) == 1


async def test_a_request_has_at_most_ten_documents_at_a_time(bureau: Bureau) -> None:
    owner, organization_id = await owner_of(bureau)
    request_id = await bureau.draft(owner, organization_id)
    await bureau.attach(owner, request_id)
    file_id = (await send(bureau.world, owner)).id
    requests = bureau.world.store.reader().collection("onboarding_requests")
    row = await requests.find_one({"_id": request_id})
    assert row is not None
    await requests.update_one({"_id": request_id}, {"$set": {"documents": row["documents"] * 10}})
    said = await bureau.world.do("attach_signed_document", owner, request_id=request_id, file_id=file_id)
    assert (said.status, said.code) == (409, "TOO_MANY_DOCUMENTS")


async def test_the_timeline_tells_who_had_it_and_for_how_long(make_world: MakeWorld) -> None:
    world = await make_world()
    bureau = await Bureau.open(world)
    owner = await world.someone("Olga Owner")
    organization_id = await world.organization(owner)
    request_id = await bureau.draft(owner, organization_id)
    world.clock.ahead += timedelta(hours=1)
    await bureau.attach(owner, request_id)
    await bureau.do("submit", owner, request_id=request_id)
    world.clock.ahead += timedelta(hours=2)
    await bureau.do("take", bureau.operator, request_id=request_id)
    world.clock.ahead += timedelta(hours=3)
    reasons = [{"part": "PURPOSE", "message": "Say it more clearly."}, {"part": "DOCUMENT", "message": "Sign it."}]
    returned = (await bureau.do("return", bureau.operator, request_id=request_id, reasons=reasons)).result
    world.clock.ahead += timedelta(hours=4)
    assert returned["status"] == "RETURNED"

    seen = await bureau.see(request_id, owner)
    shown = [(each["status"], each["holder"], each["holder_name"], each["seconds"] // 3600) for each in seen["timeline"]]
    assert shown == [
        ("DRAFT", "RECIPIENT", "SIA Grāmata", 1),
        ("SUBMITTED", "OPERATOR", None, 2),
        ("IN_REVIEW", "OPERATOR", "Head of the Bureau", 3),
        ("RETURNED", "RECIPIENT", "SIA Grāmata", 4),
    ]
    assert [each["until"] for each in seen["timeline"][:-1]] == [each["since"] for each in seen["timeline"][1:]]
    assert seen["timeline"][-1]["until"] is None
    assert seen["held_seconds"] // 3600 == 4
    acts = [(act["kind"], act["user_name"]) for stage in seen["timeline"] for act in stage["acts"]]
    assert acts == [
        ("DRAFTED", "Olga Owner"),
        ("DOCUMENT_ATTACHED", "Olga Owner"),
        ("SUBMITTED", "Olga Owner"),
        ("TAKEN", "Head of the Bureau"),
        ("RETURNED", "Head of the Bureau"),
    ]
    assert seen["timeline"][-1]["acts"][0]["reasons"] == reasons
    told = await world.told(request_id, "onboarding_returned")
    assert told["reasons"] == reasons
    assert told["by_portal"] is True


async def test_a_corrected_request_is_signed_anew(bureau: Bureau) -> None:
    owner, organization_id = await owner_of(bureau)
    request_id = await bureau.submitted(owner, organization_id)
    reasons = [{"part": "ADDRESS", "message": "Which street?"}]
    await bureau.do("return", bureau.operator, request_id=request_id, reasons=reasons)
    changed = (await bureau.do("change", owner, request_id=request_id, form=form(address="Brīvības iela 1"))).result
    assert [each["is_current"] for each in changed["documents"]] == [False]
    assert (await bureau.do("submit", owner, request_id=request_id)).code == "SIGNED_DOCUMENT_MISSING"
    await bureau.attach(owner, request_id, PDF + b"% anew\n")
    again = (await bureau.do("submit", owner, request_id=request_id)).result
    assert [each["is_current"] for each in again["documents"]] == [False, True]
    keys = [key for key, _ in await bureau.facts(request_id, 3)]
    assert keys == ["onboarding_submitted", "onboarding_returned", "onboarding_submitted"]


async def test_a_deleted_organization_asks_for_nothing_any_more(bureau: Bureau) -> None:
    owner, organization_id = await owner_of(bureau)
    request_id = await bureau.submitted(owner, organization_id)
    said = await bureau.world.do("delete_organization", owner, organization_id=organization_id, name="Acme")
    assert said.status == 200, said.body
    facts = await bureau.facts(request_id, 2)
    assert facts[1][0] == "onboarding_withdrawn"
    seen = await bureau.see(request_id, bureau.operator)
    assert (seen["status"], seen["holder"]) == ("WITHDRAWN", None)
    assert await bureau.see(request_id, owner) is None


async def test_people_named_in_a_request_are_in_no_event(bureau: Bureau) -> None:
    owner, organization_id = await owner_of(bureau)
    request_id = await bureau.submitted(owner, organization_id)
    approved = await bureau.do("approve", bureau.operator, request_id=request_id, despite_finding="Signed before my eyes.")
    assert approved.status == 200, approved.body
    await bureau.facts(request_id, 2)
    rows = await bureau.world.store.reader().collection("outbox").find({})
    # Whoever has become a user is announced by name, as all users are; the address is sealed.
    people = [row for row in rows if row["key"] == "identity.user_reachable.v1"]
    named = "\n".join(bytes(row["body"]).decode() for row in people)
    text = "\n".join(bytes(row["body"]).decode() for row in rows if row not in people)
    for word in ("Anna", "Bērziņa", "Kalns"):
        assert word not in text
    for word in ("anna@", "peteris@", "6700", "Alberta", "before my eyes"):
        assert word not in text + named
