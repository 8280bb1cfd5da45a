"""Approving: everything that a recipient gets, in one action, or nothing of it."""

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from tests.certificates import DAY, issue
from tests.services.identity.conftest import MakeWorld
from tests.services.identity.filing import PDF, Bureau, form, send, staff
from tests.services.identity.signatures.making import signed_asice, signed_pdf
from tests.services.identity.signatures.making import test_anchors as trusted
from tests.services.identity.world import PASSWORD, Person, token_in

SEEN = "The letter lies before me, signed."


async def filed(bureau: Bureau, **more: Any) -> tuple[Person, str, str]:
    owner = await bureau.world.someone("Olga Owner")
    organization_id = await bureau.world.organization(owner)
    return owner, organization_id, await bureau.submitted(owner, organization_id, **more)


def contact(name: str) -> dict[str, str]:
    return {"name": name.title(), "email": f"{name}@approved.example"}


async def approve(bureau: Bureau, request_id: str, **more: Any) -> Any:
    return await bureau.do("approve", bureau.operator, request_id=request_id, **{"despite_finding": SEEN, **more})


async def exchange_of(bureau: Bureau, organization_id: str, by: Person | None) -> Any:
    return (await bureau.world.load("data_exchanges_by_organization", [organization_id], by)).rows[0]


async def test_a_filed_request_gives_user_invitation_number_certificate_and_letters(bureau: Bureau) -> None:
    issued = issue()
    people = {"contact": contact("ilze"), "provider_contact": contact("provider"), "contact_role": "ADMINISTRATOR"}
    owner, organization_id, request_id = await filed(bureau, certificate_pem=issued.pem, **people)
    assert await exchange_of(bureau, organization_id, owner) is None
    approved = (await approve(bureau, request_id)).result
    assert (approved["status"], approved["holder"], approved["organization_id"]) == ("APPROVED", None, organization_id)
    assert approved["timeline"][-1]["acts"][0]["reason"] == SEEN
    exchange = await exchange_of(bureau, organization_id, owner)
    assert exchange["number"] == approved["number"]
    assert exchange["number"].startswith("DX-20")
    assert exchange["organization_id"] == organization_id
    [found] = (await bureau.world.load("data_exchanges_by_id", [exchange["id"]], owner)).rows
    assert found == exchange
    [page] = (await bureau.world.load("certificates_by_organization", [organization_id], owner)).rows
    assert [(each["subject"], each["application_id"]) for each in page["nodes"]] == [(page["nodes"][0]["subject"], None)]

    assert (await bureau.facts(request_id, 2))[1] == (
        "onboarding_approved",
        {"request_id": request_id, "organization_id": organization_id, "number": exchange["number"]},
    )
    about = await bureau.world.facts_about(organization_id, 4)
    [assigned] = [each for each in about if each.key == "identity.data_exchange_assigned.v1"]
    assert assigned.data == {"organization_id": organization_id, "number": exchange["number"]}
    assert (assigned.organization, assigned.audience) == (organization_id, (organization_id,))

    subjects = {mail["Subject"] for mail in await mails(bureau, "ilze@approved.example", 2)}
    assert any("welcome" in each.lower() for each in subjects)
    told = await bureau.world.told(request_id, "onboarding_approved")
    assert [each["address"] for each in told["asking"]] == ["ilze@approved.example", owner.email]
    assert all(each["user_id"] for each in told["asking"])
    assert [(each["user_id"], each["address"]) for each in told["provider"]] == [(None, "provider@approved.example")]
    assert told["registration_number"] == "40003 123456"

    ilze = await first_sign_in(bureau, "ilze@approved.example")
    [invitation] = [each for each in bureau.world.inbox.to("ilze@approved.example") if "accept-invitation" in each.get_content()]
    member = await bureau.world.do("accept_invitation", ilze, token=token_in(invitation))
    assert member.result["role"] == "ADMINISTRATOR"
    assert (await exchange_of(bureau, organization_id, ilze))["number"] == exchange["number"]


async def mails(bureau: Bureau, address: str, count: int) -> list[Any]:
    await bureau.world.inbox.newest_to(address, count=count)
    return list(bureau.world.inbox.to(address))


async def first_sign_in(bureau: Bureau, email: str) -> Person:
    """Set the first password with the letter's link, and sign in."""
    [welcome] = [each for each in bureau.world.inbox.to(email) if "set-password" in each.get_content()]
    said = await bureau.world.do("set_password", token=token_in(welcome), password=PASSWORD)
    assert said.status == 200, said.body
    signed_in = (await bureau.world.do("sign_in", email=email, password=PASSWORD)).result
    return Person(email, signed_in["user"]["id"], signed_in["token"])


async def test_a_recorded_request_makes_the_organization_and_its_owner(bureau: Bureau) -> None:
    request_id = await bureau.recorded(legal_name="SIA Vēstule", contact=contact("guna"), provider_contact=contact("other"))
    approved = (await bureau.do("approve", bureau.operator, request_id=request_id)).result
    organization_id = approved["organization_id"]
    await bureau.world.inbox.newest_to("guna@approved.example")
    guna = await first_sign_in(bureau, "guna@approved.example")
    [members] = (await bureau.world.load("memberships_of_viewer", ["me"], guna)).rows
    assert (organization_id, "OWNER") in [(each["organization_id"], each["role"]) for each in members]
    assert (await bureau.see(request_id, guna))["form"]["legal_name"] == "SIA Vēstule"
    [organization] = (await bureau.world.load("organizations_by_id", [organization_id], guna)).rows
    assert (organization["name"], organization["is_test"]) == ("SIA Vēstule", False)
    assert (await exchange_of(bureau, organization_id, guna))["number"] == approved["number"]
    again = await bureau.do("draft", guna, organization_id=organization_id, form=form())
    assert (again.status, again.code) == (409, "ALREADY_ONBOARDED")


async def test_a_contact_person_who_is_known_is_not_made_again(bureau: Bureau) -> None:
    known = await bureau.world.someone("Known")
    known_contact = {"name": "Known", "email": known.email}
    request_id = await bureau.recorded(contact=known_contact, legal_name="SIA Pazīstami")
    approved = (await bureau.do("approve", bureau.operator, request_id=request_id)).result
    [members] = (await bureau.world.load("memberships_of_viewer", ["me"], known)).rows
    assert approved["organization_id"] in [each["organization_id"] for each in members]
    texts = [each.get_content() for each in await mails(bureau, known.email, 1)]
    assert not any("set-password" in each for each in texts)

    organization_id = await bureau.world.organization(known)
    filed_id = await bureau.submitted(known, organization_id, contact=known_contact)
    assert (await approve(bureau, filed_id)).status == 200
    assert (await bureau.world.told(filed_id, "onboarding_approved"))["asking"][0]["user_id"] == known.user_id
    texts = [each.get_content() for each in await mails(bureau, known.email, 1)]
    assert not any("accept-invitation" in each for each in texts)


async def test_many_approvals_at_once_are_one(bureau: Bureau) -> None:
    owner, organization_id, request_id = await filed(bureau, contact=contact("once"))
    await bureau.world.passport(bureau.operator)
    said = await asyncio.gather(*(approve(bureau, request_id) for _ in range(4)))
    assert sorted(each.status for each in said) == [200, 409, 409, 409]
    assert {each.code for each in said if each.status == 409} == {"NOT_TO_BE_DECIDED"}
    rows = await bureau.world.store.reader().collection("data_exchanges").find({"organization_id": organization_id})
    assert len(rows) == 1
    users = await bureau.world.store.reader().collection("users").find({"email_key": "once@approved.example"})
    assert len(users) == 1
    assert (await bureau.see(request_id, owner))["number"] == rows[0]["number"]


async def test_approvals_of_different_requests_at_once_get_different_numbers(bureau: Bureau) -> None:
    ids = [await bureau.recorded(contact=contact(f"many{number}")) for number in range(5)]
    await bureau.world.passport(bureau.operator)
    said = await asyncio.gather(*(bureau.do("approve", bureau.operator, request_id=each) for each in ids))
    numbers = [each.result["number"] for each in said]
    assert len(set(numbers)) == 5


async def test_if_one_part_fails_nothing_has_happened(make_world: MakeWorld) -> None:
    world = await make_world()
    bureau = await Bureau.open(world)
    issued = issue(not_after=datetime.now(UTC) + 3 * DAY)
    owner = await world.someone()
    organization_id = await world.organization(owner)
    request_id = await bureau.submitted(owner, organization_id, contact=contact("never"), certificate_pem=issued.pem)
    before = await everything(bureau)
    world.clock.ahead += timedelta(days=4)  # the certificate has lapsed since
    said = await approve(bureau, request_id)
    assert (said.status, said.fields) == (422, ["form.certificate_pem"])
    said = await approve(bureau, request_id, certificate_pem="not a certificate")
    assert (said.status, said.fields) == (422, ["certificate_pem"])
    for name in ("one", "two"):
        fresh = issue()
        given = {"organization_id": organization_id, "pem": fresh.pem, "name": name}
        assert (await world.do("register_certificate", owner, **given)).status == 200
    third = issue()
    said = await approve(bureau, request_id, certificate_pem=third.pem)
    assert (said.status, said.code) == (409, "TWO_CERTIFICATES_LIVE")
    after = await everything(bureau)
    assert {key: each for key, each in after.items() if key not in ("certificates", "outbox", "mails")} == {
        key: each for key, each in before.items() if key not in ("certificates", "outbox", "mails")
    }
    assert not world.inbox.to("provider@approved.example")
    assert await world.store.reader().collection("users").find({"email_key": "never@approved.example"}) == []
    said = await approve(bureau, request_id, certificate_pem=fresh.pem)
    assert said.result["status"] == "APPROVED"  # the organization has registered this one itself
    assert said.result["number"].endswith("000001")


async def everything(bureau: Bureau) -> dict[str, int]:
    reader = bureau.world.store.reader()
    names = (
        "users",
        "organizations",
        "memberships",
        "invitations",
        "data_exchanges",
        "counters",
        "certificates",
        "outbox",
        "mails",
    )
    return {name: await reader.collection(name).count_documents({}) for name in names}


async def test_an_organization_has_one_data_exchange(bureau: Bureau) -> None:
    owner, organization_id, request_id = await filed(bureau)
    await approve(bureau, request_id)
    number = (await exchange_of(bureau, organization_id, owner))["number"]
    said = await bureau.do("draft", owner, organization_id=organization_id, form=form())
    assert (said.status, said.code) == (409, "ALREADY_ONBOARDED")
    # A request that was open before is refused when it is approved.
    second_owner, second_organization, second_id = await filed(bureau)
    exchanges = bureau.world.store.reader().collection("data_exchanges")
    row = {"_id": "dxc_other", "organization_id": second_organization, "number": "DX-OLD", "request_id": "onb_x"}
    await exchanges.insert_one({**row, "assigned_at": bureau.world.clock.now()})
    said = await approve(bureau, second_id)
    assert (said.status, said.code) == (409, "ALREADY_ONBOARDED")
    assert (await bureau.see(second_id, second_owner))["status"] == "SUBMITTED"
    assert (await exchange_of(bureau, organization_id, owner))["number"] == number


async def test_a_data_exchange_is_seen_by_members_and_staff_alone(bureau: Bureau) -> None:
    team = await bureau.world.team()
    request_id = await bureau.submitted(team.members["OWNER"], team.organization_id)
    await approve(bureau, request_id)
    people = [*team.members.values(), bureau.operator, await staff(bureau.world, "SUPPORT")]
    ids = {(await exchange_of(bureau, team.organization_id, person))["id"] for person in people}
    assert len(ids) == 1
    for by in (team.stranger, await staff(bureau.world, "ANALYST"), None):
        assert await exchange_of(bureau, team.organization_id, by) is None
        assert (await bureau.world.load("data_exchanges_by_id", [*ids, "dxc_none"], by)).rows == [None, None]


@pytest.fixture
async def signing_bureau(make_world: MakeWorld, tmp_path: Path) -> Bureau:
    folder = tmp_path / "anchors"
    folder.mkdir()
    for number, der in enumerate(trusted().certificates):
        pem = x509.load_der_x509_certificate(der).public_bytes(Encoding.PEM)
        (folder / f"{number}.pem").write_bytes(pem)
    return await Bureau.open(await make_world(signature_anchors_dir=folder))


async def test_a_good_signature_needs_no_further_word(signing_bureau: Bureau) -> None:
    bureau = signing_bureau
    for content, name in ((signed_pdf(), "request.pdf"), (signed_asice(), "request.asice")):
        owner = await bureau.world.someone("Olga")
        request_id = await bureau.draft(owner, await bureau.world.organization(owner))
        attached = await bureau.attach(owner, request_id, content, name)
        finding = attached["documents"][0]["signature"]
        assert finding["verdict"] == "SIGNED_AND_TIMESTAMPED"
        assert finding["coverage"]["whole_file"] is True
        [signature] = finding["signatures"]
        assert signature["signer"]["common_name"] == "Anna Bērziņa"
        assert signature["time_stamp"]["time"].startswith("2026-03-01T10:00")
        assert (signature["signer"]["personal_code"]["text"], "12345" in str(finding)) == (None, False)
        await bureau.do("submit", owner, request_id=request_id)
        seen = (await bureau.see(request_id, bureau.operator))["documents"][0]["signature"]
        assert seen["signatures"][0]["signer"]["personal_code"]["text"] == "PNOLV-010190-12345"
        support = await staff(bureau.world, "SUPPORT")
        assert "12345" not in str((await bureau.see(request_id, support))["documents"])
        assert (await bureau.do("approve", bureau.operator, request_id=request_id)).status == 200


@pytest.mark.parametrize(
    ("content", "verdict"),
    [
        (PDF, None),
        (signed_pdf(stamped=False), "SIGNED_WITHOUT_TIME_STAMP"),
        (signed_pdf()[:-300] + b"x" * 300, None),
        (signed_pdf() + b"\n% appended", None),
    ],
    ids=["unsigned", "unstamped", "tampered", "appended"],
)
async def test_a_bad_signature_is_shown_and_approved_only_with_a_reason(
    signing_bureau: Bureau, content: bytes, verdict: str | None
) -> None:
    bureau = signing_bureau
    owner = await bureau.world.someone()
    request_id = await bureau.draft(owner, await bureau.world.organization(owner))
    await bureau.attach(owner, request_id, signed_pdf(), "good.pdf")
    found = (await bureau.attach(owner, request_id, content, "bad.pdf"))["documents"][1]["signature"]
    assert found["verdict"] != "SIGNED_AND_TIMESTAMPED"
    assert verdict is None or found["verdict"] == verdict
    assert found["sentences"]
    await bureau.do("submit", owner, request_id=request_id)
    said = await bureau.do("approve", bureau.operator, request_id=request_id)
    assert (said.status, said.code, said.fields) == (409, "FINDING_NOT_GOOD", ["despite_finding"])
    approved = (await approve(bureau, request_id)).result
    assert approved["timeline"][-1]["acts"][0]["reason"] == SEEN


async def test_what_comes_by_mail_is_to_be_signed_and_what_comes_on_paper_is_signed_there(bureau: Bureau) -> None:
    request_id = await bureau.recorded("MAIL", contact=contact("bymail"))
    assert (await bureau.do("approve", bureau.operator, request_id=request_id)).code == "FINDING_NOT_GOOD"
    assert (await approve(bureau, request_id)).status == 200
    paper_id = await bureau.recorded("PAPER", contact=contact("bypaper"))
    assert (await bureau.do("approve", bureau.operator, request_id=paper_id)).status == 200


async def test_an_organization_that_was_deleted_is_not_onboarded(bureau: Bureau) -> None:
    owner, organization_id, request_id = await filed(bureau)
    file_id = (await send(bureau.world, owner)).id
    deleted, approved = await asyncio.gather(
        bureau.world.do("delete_organization", owner, organization_id=organization_id, name="Acme"),
        approve(bureau, request_id),
    )
    assert deleted.status == 200
    assert approved.status in (200, 409)
    exchanges = bureau.world.store.reader().collection("data_exchanges")
    assert len(await exchanges.find({"organization_id": organization_id})) == (1 if approved.status == 200 else 0)
    assert (await bureau.world.do("attach_signed_document", owner, request_id=request_id, file_id=file_id)).code == "NOT_FOUND"


async def test_a_contact_person_who_was_erased_is_not_written_to(bureau: Bureau) -> None:
    request_id = await bureau.recorded(contact=contact("gone"))
    requests = bureau.world.store.reader().collection("onboarding_requests")
    await requests.update_one({"_id": request_id}, {"$set": {"form.contact.name": "", "form.contact.email": ""}})
    said = await bureau.do("approve", bureau.operator, request_id=request_id)
    assert (said.status, said.code) == (409, "CONTACT_PERSON_GONE")
    reasons = [{"part": "CONTACT", "message": "Who is it now?"}]
    returned = (await bureau.do("return", bureau.operator, request_id=request_id, reasons=reasons)).result
    assert (returned["status"], returned["form"]["contact"]["email"]) == ("RETURNED", "")
