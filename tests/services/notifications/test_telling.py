"""Informing people: who gets a letter and a notice of what, in which language, with one link; and who gets none."""

import re
from datetime import timedelta
from email.message import EmailMessage
from typing import Any

import pytest

from chassis.messages import to_timestamp
from services.notifications.notices.domain import MOST_AFFECTED, MOST_TOLD, most_each
from tests.services.notifications.conftest import MakeRoom
from tests.services.notifications.newsroom import (
    DEVELOPING,
    IDS,
    MANAGING,
    Portal,
    html_of,
    providers,
    recipients,
    text_of,
)
from tests.services.stage import envelope

PORTAL = "http://portal.example"
PREFERENCES = f"{PORTAL}/notice-preferences"


def links_in(mail: EmailMessage) -> str:
    """Return the one link of a letter; the other one, where there is one, leads to where such letters are turned off."""
    [link, *others] = re.findall(r"http://\S+", text_of(mail))
    assert others == ([PREFERENCES] if mail["List-Unsubscribe"] else [])
    return str(link)


ASKING, FILING, BOTH = recipients(*DEVELOPING), recipients(*MANAGING), recipients(*MANAGING) | providers(*MANAGING)
DECIDING = providers(*MANAGING)
NAMED = {"representative_id": "BUSINESS_REPRESENTATIVE"}
TOLD: list[tuple[str, dict[str, Any], set[str], str]] = [
    ("permission_requested", {}, DECIDING, "/permissions/prm_1"),
    ("permission_returned", {"reason": "Why all?"}, ASKING, "/permissions/prm_1"),
    ("permission_granted", {"valid_to": "2031-05-06T00:00:00Z"}, ASKING, "/permissions/prm_1"),
    ("permission_refused", {"reason": "No basis."}, ASKING, "/permissions/prm_1"),
    ("permission_revoked", {"reason": "Misuse."}, ASKING, "/permissions/prm_1"),
    ("permission_lapsed", {}, ASKING, "/permissions/prm_1"),
    ("permission_extended", {"valid_to": None}, ASKING, "/permissions/prm_1"),
    ("subscription_requested", {"status": "PENDING"}, DECIDING, "/subscriptions/sub_1"),
    ("subscription_requested", {"status": "ACTIVE"}, set(), ""),
    ("subscription_activated", {"status": "ACTIVE"}, ASKING, "/subscriptions/sub_1"),
    ("subscription_rejected", {"reason": "No."}, ASKING, "/subscriptions/sub_1"),
    ("subscription_suspended", {"causes": ["PROVIDER"]}, ASKING, "/subscriptions/sub_1"),
    ("subscription_resumed", {"causes": []}, ASKING, "/subscriptions/sub_1"),
    ("subscription_cancelled", {}, ASKING, "/subscriptions/sub_1"),
    ("plan_changed", {}, ASKING, "/subscriptions/sub_1"),
    ("plan_change_requested", {"needs_approval": True}, DECIDING, "/subscriptions/sub_1"),
    ("plan_change_requested", {"needs_approval": False}, set(), ""),
    ("plan_change_approved", {}, ASKING, "/subscriptions/sub_1"),
    ("plan_change_rejected", {"reason": "Full."}, ASKING, "/subscriptions/sub_1"),
    ("plan_change_lapsed", {}, ASKING, "/subscriptions/sub_1"),
    ("connection_requested", {}, DECIDING | {"operator"}, "/connections/cnr_1"),
    ("representative_assigned", NAMED, FILING | {"BUSINESS_REPRESENTATIVE"}, "/connections/cnr_1"),
    ("representative_released", {"representative_id": None}, {"operator"}, "/connections/cnr_1"),
    ("connection_returned", {"reason": "Correct it."}, FILING, "/connections/cnr_1"),
    ("connection_completed", {}, FILING, "/connections/cnr_1"),
    ("connection_rejected", {"reason": "No."}, FILING, "/connections/cnr_1"),
    ("connection_withdrawn", NAMED, DECIDING | {"BUSINESS_REPRESENTATIVE"}, "/connections/cnr_1"),
    ("agreement_requested", {"kind": "NDA"}, FILING, "/agreements/agr_1"),
    ("agreement_attached", {"kind": "NDA", "party": "PROVIDER"}, FILING | {"BUSINESS_REPRESENTATIVE"}, "/agreements/agr_1"),
    ("agreement_attached", {"kind": "NDA", "party": "RECIPIENT"}, DECIDING | {"BUSINESS_REPRESENTATIVE"}, "/agreements/agr_1"),
    ("agreement_returned", {"kind": "NDA", "reason": "Not signed."}, BOTH, "/agreements/agr_1"),
    ("agreement_confirmed", {"kind": "NDA"}, BOTH, "/agreements/agr_1"),
    ("agreement_expiring", {"kind": "NDA", "valid_to": "2031-05-06T00:00:00+00:00"}, BOTH, "/agreements/agr_1"),
    ("agreement_lapsed", {"kind": "NDA"}, BOTH, "/agreements/agr_1"),
    ("approval_step_opened", {"party": "PROVIDER", "due_at": "2031-05-06T00:00:00Z"}, DECIDING, "/connections/cnr_1"),
    ("approval_step_opened", {"party": "SECURITY", "due_at": None}, {"SECURITY_OFFICER"}, "/connections/cnr_1"),
    ("approval_step_opened", {"party": "OPERATOR"}, {"operator", "BUSINESS_REPRESENTATIVE"}, "/connections/cnr_1"),
    ("approval_step_due_soon", {"party": "PROVIDER"}, DECIDING, "/connections/cnr_1"),
    ("approval_step_overdue", {"party": "SECURITY"}, {"SECURITY_OFFICER"}, "/connections/cnr_1"),
    ("approval_step_escalated", {"party": "SECURITY"}, {"operator"}, "/connections/cnr_1"),
    ("approver_substituted", {"user_id": "SUPPORT"}, {"SUPPORT"}, "/connections/cnr_1"),
    (
        "api_version_deprecated",
        {"label": "2", "sunset_at": "2031-05-06T00:00:00Z", "note": "Use 3."},
        ASKING,
        "/products/prd_zoo",
    ),
    ("api_version_undeprecated", {"label": "2"}, ASKING, "/products/prd_zoo"),
    ("api_version_retired", {"label": "2"}, ASKING, "/products/prd_zoo"),
]


@pytest.mark.parametrize(
    ("fact", "more", "who", "path"), TOLD, ids=[f"{fact}-{number}" for number, (fact, *_) in enumerate(TOLD)]
)
async def test_those_are_told_whom_it_concerns(portal: Portal, fact: str, more: dict[str, Any], who: set[str], path: str) -> None:
    assigned = portal.news("representative_assigned", representative_id=portal.staff["BUSINESS_REPRESENTATIVE"].user_id)
    if fact != "representative_assigned":
        await portal.tell(assigned)
    named = {name: portal.staff[str(more[name])].user_id for name in ("representative_id", "user_id") if more.get(name)}
    service = "catalog" if fact.startswith("api_") else "subscriptions"
    affected: dict[str, Any] = {}
    if service == "catalog":
        affected["affected_organization_ids"] = ["org_recipient", "org_gone"]
        await portal.room.hear(
            portal.room.announcement("identity.organization_deleted.v1", "org_gone", {"organization_id": "org_gone"})
        )
    letters = await portal.tell(portal.news(fact, service=service, **(more | named | affected)))
    assert set(letters) == who
    for mail in letters.values():
        text = text_of(mail)
        assert links_in(mail) == f"{PORTAL}{path}"
        assert "Zoo of Rīga" in text
        assert all(more[name] in text for name in ("reason", "note") if name in more)
        assert ("2031-05-06" in text) is ("2031-05-06" in str(more))
        assert "“non-disclosure agreement”" in text or "kind" not in more
        for other in ("usr_", "org_", "@", "None", "{"):
            assert other not in text


async def test_the_one_who_did_it_is_not_told_and_who_did_it_decides_whom(portal: Portal) -> None:
    owner, developer = portal.recipient["OWNER"], portal.recipient["DEVELOPER"]
    decider = portal.provider["ADMINISTRATOR"]
    assert await portal.tell(portal.news("subscription_activated", by=developer)) == {}
    assert set(await portal.tell(portal.news("subscription_activated", by=decider))) == ASKING
    told = await portal.tell(portal.news("subscription_cancelled", by=owner))
    assert set(told) == DECIDING
    assert "Acme" in text_of(told["provider OWNER"])
    told = await portal.tell(portal.news("subscription_suspended", by=owner))
    assert set(told) == ASKING - {"recipient OWNER"}
    told = await portal.tell(portal.news("permission_requested", by=decider))
    assert set(told) == DECIDING - {"provider ADMINISTRATOR"}
    representative = portal.staff["BUSINESS_REPRESENTATIVE"]
    mine = portal.news("representative_assigned", by=representative, representative_id=representative.user_id)
    assert set(await portal.tell(mine)) == FILING


async def test_a_representative_without_a_role_and_a_thing_without_a_name_are_passed_over(portal: Portal) -> None:
    stranger = portal.strangers[0]
    assigned = portal.news("representative_assigned", representative_id=stranger.user_id, request_id="cnr_2")
    assert set(await portal.tell(assigned)) == FILING
    unknown = {"product_id": "prd_none", "application_id": "app_none", "kind": "LETTER", "permission_id": "no id at all\n"}
    [*letters] = (await portal.tell(portal.news("permission_granted", **unknown))).values()
    for mail in letters:
        assert "the application to call the product." in text_of(mail)
        assert links_in(mail) == f"{PORTAL}/sign-in"
        assert mail["Subject"] == "Permission is granted"
        assert "app_none" not in text_of(mail)


async def test_the_last_assigned_representative_counts_whatever_comes_last(portal: Portal) -> None:
    between = {"organization_id": "org_recipient", "provider_id": "org_provider"}
    for sequence, role in ((4, "BUSINESS_REPRESENTATIVE"), (2, "SUPPORT")):
        data = {**between, "request_id": "cnr_order", "representative_id": portal.staff[role].user_id}
        await portal.tell(envelope("subscriptions.representative_assigned.v1", "cnr_order", sequence, data))
    told = await portal.tell(portal.news("connection_withdrawn", request_id="cnr_order"))
    assert set(told) == DECIDING | {"BUSINESS_REPRESENTATIVE"}


async def test_a_representative_who_was_released_is_told_nothing_more(portal: Portal) -> None:
    between = {"organization_id": "org_recipient", "provider_id": "org_provider"}
    data = {**between, "request_id": "cnr_released", "representative_id": portal.staff["BUSINESS_REPRESENTATIVE"].user_id}
    released = {**data, "representative_id": None, "former_representative_id": data["representative_id"]}
    life = [
        envelope("subscriptions.representative_assigned.v1", "cnr_released", 2, data),
        envelope("subscriptions.representative_released.v1", "cnr_released", 3, released),
    ]
    for message in (*life, *life[::-1]):
        await portal.tell(message)
    assert set(await portal.tell(portal.news("connection_withdrawn", request_id="cnr_released"))) == DECIDING
    again = envelope("subscriptions.representative_assigned.v1", "cnr_released", 4, data)
    await portal.tell(again)
    told = await portal.tell(portal.news("connection_withdrawn", request_id="cnr_released"))
    assert set(told) == DECIDING | {"BUSINESS_REPRESENTATIVE"}


async def test_whoever_is_granted_a_platform_role_is_told_which(portal: Portal) -> None:
    support, operator = portal.staff["SUPPORT"], portal.staff["operator"]
    news = portal.news("platform_role_granted", service="identity", by=operator, user_id=support.user_id, role="AUDITOR")
    letters = await portal.tell(news)
    assert set(letters) == {"SUPPORT"}
    text = text_of(letters["SUPPORT"])
    assert "role on the platform itself “auditor”" in text
    assert links_in(letters["SUPPORT"]) == f"{PORTAL}/sign-in"
    own = portal.news("platform_role_granted", service="identity", by=operator, user_id=operator.user_id, role="AUDITOR")
    assert await portal.tell(own) == {}


async def test_what_is_announced_again_long_afterwards_is_no_news(portal: Portal) -> None:
    old = to_timestamp(portal.room.clock.now() - timedelta(days=8))
    told = {**IDS, "organization_id": "org_recipient"}
    assert await portal.tell(envelope("subscriptions.permission_granted.v1", "prm_old", 1, told, time=old)) == {}
    assert await portal.tell(envelope("subscriptions.permission_granted.v1", "prm_empty", 1, {"organization_id": 7})) == {}


async def test_each_is_told_in_their_language_and_a_reason_stays_one_line(make_room: MakeRoom) -> None:
    room = await make_room()
    portal = await Portal.open(room)
    for role, language in (("OWNER", "lv"), ("ADMINISTRATOR", "ru")):
        reader = portal.recipient[role]
        await room.hear(room.reachable(reader.user_id, reader.email, language=language))
    titles = {"EN": "Zoo of Rīga", "RU": "Зоопарк"}
    product = {"product_id": "prd_zoo", "organization_id": "org_1", "slug": "zoo", "sensitivity": "CONFIDENTIAL"}
    await room.hear(
        room.announcement("catalog.product_changed.v1", "prd_zoo", {**product, "title": "Zoo of Rīga", "titles": titles})
    )
    reason = "First.\r\n\r\nhttp\u2028Second " + "x" * 1000
    letters = await portal.tell(portal.news("permission_refused", reason=reason))
    latvian, russian = text_of(letters["recipient OWNER"]), text_of(letters["recipient ADMINISTRATOR"])
    assert "Datu devējs „Register” neatļauj klienta lietojumam „Finder”" in latvian
    assert "Поставщик данных «Register» не разрешает приложению «Finder»" in russian
    assert "продукт «Зоопарк»" in russian
    assert "produktu „Zoo of Rīga”" in latvian
    english = text_of(letters["recipient DEVELOPER"])
    [line] = [each for each in english.splitlines() if each.startswith("Reason: ")]
    assert line.startswith("Reason: First. http Second xxx")
    assert len(line) < 520
    [notice] = await portal.recipient["ADMINISTRATOR"].notices()
    assert notice["title"] == "В разрешении отказано: «Зоопарк»"
    assert "Причина: First. http Second" in notice["text"]
    assert notice["kind"] == "PERMISSION_REFUSED"


async def test_a_large_organization_is_told_through_its_oldest_members(make_room: MakeRoom) -> None:
    room = await make_room()
    portal = await Portal.open(room)
    for number in range(MOST_TOLD):
        await room.hear(
            room.reachable(f"usr_x{number:03}", f"x{number}@x.example"),
            room.joined("org_recipient", f"usr_x{number:03}", "DEVELOPER"),
        )
    before = await room.kept("notices")
    await room.hear(portal.news("permission_granted"))
    assert await room.kept("notices") - before == MOST_TOLD
    for role in DEVELOPING:
        assert len(await portal.recipient[role].notices()) == 1


async def test_a_letter_has_one_thing_to_do_in_text_and_in_html_and_says_how_to_turn_it_off(portal: Portal) -> None:
    [*letters] = (await portal.tell(portal.news("permission_refused", reason="<b>No</b> & never."))).values()
    for mail in letters:
        assert mail.get_content_type() == "multipart/alternative"
        assert mail["Auto-Submitted"] == "auto-generated"
        assert mail["List-Unsubscribe"] == f"<{PREFERENCES}>"
        assert re.fullmatch(r"<mai_\w+@portico\.localhost>", mail["Message-ID"])
        html = html_of(mail)
        assert re.findall(r'href="([^"]+)"', html) == [f"{PORTAL}/permissions/prm_1", PREFERENCES]
        assert "&lt;b&gt;No&lt;/b&gt; &amp; never." in html
        assert "<b>No</b> & never." in text_of(mail)
        assert "src=" not in html


def test_the_notices_of_one_event_are_bounded() -> None:
    assert [most_each(count) for count in (0, 1, 2, 4, 10, 500)] == [MOST_TOLD, MOST_TOLD, 50, 50, MOST_AFFECTED // 10, 1]
