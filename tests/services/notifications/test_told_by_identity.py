"""What identity announces and people are told of: owners, what proves applications, onboarding, where some have no account."""

from typing import Any

import orjson
import pytest

from chassis.bus import Message
from tests.services.notifications.newsroom import MANAGING, Portal, Reader, html_of, recipients, text_of

CONTACT = "contact@elsewhere.example"
REQUEST = "onb_1"


def onboarding(portal: Portal, fact: str, *, asking: list[Any], by: Reader | str | None = None, **more: Any) -> Message:
    """Return an announcement about a request, with what is sealed in it."""
    known = {"registration_number": "40003", "provider": [], "reasons": [], **more.pop("sealed", {})}
    sealed = portal.room.seal.close(orjson.dumps({**known, "asking": asking}).decode(), REQUEST)
    data = {
        "request_id": REQUEST,
        "organization_id": "org_recipient",
        "legal_name": "SIA Residence",
        "sealed_told": sealed,
        **more,
    }
    actor = by.user_id if isinstance(by, Reader) else by or "usr_operator"
    return portal.room.announcement(f"identity.{fact}.v1", REQUEST, data, actor=actor)


def user(reader: Reader) -> dict[str, Any]:
    return {"user_id": reader.user_id, "address": reader.email, "name": "X", "language": "en"}


def contact(language: str = "lv") -> dict[str, Any]:
    return {"user_id": None, "address": CONTACT, "name": "Zane", "language": language}


async def letters(portal: Portal, *messages: Message) -> dict[str, Any]:
    before, count = len(portal.room.mail.mails), await portal.room.kept("mails")
    await portal.room.hear(*messages)
    return {mail["To"]: mail for mail in await portal.room.mails(await portal.room.kept("mails") - count, before)}


async def test_an_approval_is_told_to_those_who_asked_and_to_the_provider_each_in_their_language(portal: Portal) -> None:
    filer, provider = portal.recipient["DEVELOPER"], portal.provider["OBSERVER"]
    await portal.room.hear(portal.room.reachable(provider.user_id, provider.email, language="ru"))
    sealed = {"provider": [user(provider)], "services": "The register\nof addresses"}
    approved = onboarding(portal, "onboarding_approved", asking=[contact(), user(filer)], number="DX-7", sealed=sealed)
    got = await letters(portal, approved, approved)
    assert set(got) == {CONTACT, filer.email, provider.email}
    assert got[CONTACT]["Subject"] == "Jūsu organizācija ir pieslēgta: „SIA Residence”"
    assert "Zane," in text_of(got[CONTACT])
    assert "DX-7" in text_of(got[CONTACT])
    assert "/sign-in" in text_of(got[CONTACT])
    assert "notice-preferences" not in text_of(got[CONTACT])
    assert "Your organization is onboarded: “SIA Residence”" in got[filer.email]["Subject"]
    assert f"/onboarding/{REQUEST}" in text_of(got[filer.email])
    assert "Подключён получатель данных" in got[provider.email]["Subject"]
    assert "The register\nof addresses" in text_of(got[provider.email])
    assert "40003" in html_of(got[provider.email])
    [notice] = [each for each in await provider.notices() if each["kind"] == "ONBOARDING_PROVIDER_INFORMED"]
    assert "DX-7" in notice["text"]
    assert all(mail["List-Unsubscribe"] is None for mail in got.values())
    kept = str(await portal.room.store.reader().collection("mails").find({}))
    assert CONTACT not in kept


async def test_a_receipt_goes_to_who_filed_it_too_and_reasons_are_told_part_by_part(portal: Portal) -> None:
    filer = portal.recipient["OWNER"]
    got = await letters(portal, onboarding(portal, "onboarding_submitted", asking=[user(filer)], by=filer, channel="PORTAL"))
    assert set(got) == {filer.email}
    reasons = [{"part": "PURPOSE", "message": "Say it\nmore clearly."}, {"part": "DOCUMENT", "message": "Sign it."}]
    sealed = {"reasons": reasons, "by_portal": True}
    got = await letters(portal, onboarding(portal, "onboarding_returned", asking=[contact("en"), user(filer)], sealed=sealed))
    for address in (CONTACT, filer.email):
        assert "* Purpose: Say it more clearly." in text_of(got[address])
        assert "* Signed document: Sign it." in text_of(got[address])
    sealed = {"reason": "There is no such law."}
    got = await letters(portal, onboarding(portal, "onboarding_rejected", asking=[user(filer)], sealed=sealed))
    assert "Reason: There is no such law." in text_of(got[filer.email])


@pytest.mark.parametrize("sealed", ["", "x", "AAAA", None, 7])
async def test_what_was_taken_out_of_an_announcement_is_told_to_nobody(portal: Portal, sealed: Any) -> None:
    message = onboarding(portal, "onboarding_approved", asking=[contact()], number="DX-8")
    wrapped = orjson.loads(message.body)
    wrapped["data"]["sealed_told"] = sealed
    assert await letters(portal, Message(f"{message.id}{sealed}", message.key, orjson.dumps(wrapped))) == {}


@pytest.mark.parametrize("by", ["TRANSFER", "CHANGE"])
async def test_both_owners_are_told_and_whoever_did_it_is_one_of_them(portal: Portal, by: str) -> None:
    owner, administrator = portal.recipient["OWNER"], portal.recipient["ADMINISTRATOR"]
    actor = owner if by == "TRANSFER" else administrator
    people = {"owner_id": administrator.user_id, "former_owner_id": owner.user_id, "by": by}
    data = {"organization_id": "org_recipient", **people}
    got = await portal.tell(portal.room.announcement("identity.owner_changed.v1", "org_other", data, actor=actor.user_id))
    assert set(got) == {"recipient OWNER", "recipient ADMINISTRATOR"}
    assert got["recipient ADMINISTRATOR"]["Subject"] == "You are the Owner of an organization: “Acme”"
    assert "another Owner “Administrator”" in text_of(got["recipient OWNER"])
    assert ("You have transferred the ownership yourself." in text_of(got["recipient OWNER"])) is (by == "TRANSFER")
    assert "@" not in text_of(got["recipient OWNER"]).replace("@portico", "")


async def test_the_answerable_are_told_that_a_certificate_or_a_secret_ends(portal: Portal) -> None:
    about = {"organization_id": "org_recipient", "application_id": "app_1", "days_left": 7}
    certificate = {**about, "certificate_id": "crt_1", "not_after": "2031-05-06T00:00:00Z", "name": "Night robot"}
    got = await portal.tell(portal.room.announcement("identity.certificate_expiring.v1", "crt_1", certificate))
    assert set(got) == recipients(*MANAGING)
    for mail in got.values():
        assert "application “Finder” of the organization “Acme” is valid until 2031-05-06: Night robot" in text_of(mail)
    shared = {**certificate, "application_id": None}
    got = await portal.tell(portal.room.announcement("identity.certificate_expiring.v1", "crt_2", shared))
    assert all("A certificate for all applications of the organization" in text_of(mail) for mail in got.values())
    secret = {**about, "client_id": "c", "secret_id": "sec_1", "expires_at": "2031-05-06T00:00:00Z"}
    got = await portal.tell(portal.room.announcement("identity.secret_expiring.v1", "app_9", secret))
    assert set(got) == recipients("OWNER", "ADMINISTRATOR", "DEVELOPER")
    assert all("Days left: 7." in text_of(mail) for mail in got.values())


async def test_those_who_subscribe_are_told_that_a_quota_is_used(portal: Portal) -> None:
    about = {"organization_id": "org_recipient", "application_id": "app_1", "subscription_id": "sub_1", "product_id": "prd_1"}
    quota = {"plan_id": "pln_1", "used": 80, "limit": 100, "period": "DAY", "resets_at": "2031-05-06T22:00:00Z"}
    for threshold in (80, 100):
        data = {**about, **quota, "threshold": threshold}
        name = f"sub_{threshold}"
        got = await portal.tell(portal.room.announcement("enforcement.quota_threshold_reached.v1", name, data))
        assert set(got) == recipients("OWNER", "ADMINISTRATOR", "DEVELOPER")
        for mail in got.values():
            assert f"application “Finder” has used {threshold} % of the calls of the product" in text_of(mail)
            assert "The next period begins on 2031-05-06." in text_of(mail)
            assert "that its plan allows" in text_of(mail)
            assert ("further calls are refused" in text_of(mail)) is (threshold == 100)
    data = {**about, **quota, "threshold": 50, "permission_id": "prm_1"}
    got = await portal.tell(portal.room.announcement("enforcement.quota_threshold_reached.v1", "sub_50", data))
    assert set(got) == recipients("OWNER", "ADMINISTRATOR", "DEVELOPER")
    assert all("50 % of the calls" in text_of(mail) and "that its permission allows" in text_of(mail) for mail in got.values())
