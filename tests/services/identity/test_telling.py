"""Informing people: who gets a letter of what, in which language, with one link; and who gets none."""

import asyncio
import itertools
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest

from chassis.messages import to_timestamp
from services.identity.telling.domain import (
    MOST_AFFECTED,
    MOST_LETTERS,
    most_each,
)
from tests.services.identity.conftest import MakeWorld
from tests.services.identity.filing import Bureau
from tests.services.identity.world import MovingClock, Person, Team, World
from tests.services.stage import envelope

MANAGING, DEVELOPING = {"OWNER", "ADMINISTRATOR"}, {"OWNER", "ADMINISTRATOR", "DEVELOPER"}
IDS = {"permission_id": "prm_1", "subscription_id": "sub_1", "request_id": "cnr_1", "agreement_id": "agr_1"}

_numbers = itertools.count(1)


@dataclass
class Portal:
    """A recipient and a provider with a member in each role, the operator's staff, and who got which letter."""

    bureau: Bureau
    recipient: Team
    provider: Team
    staff: dict[str, Person]
    application_id: str

    @property
    def world(self) -> World:
        return self.bureau.world

    @property
    def everybody(self) -> dict[str, str]:
        people = {f"recipient {role}": person for role, person in self.recipient.members.items()}
        people |= {f"provider {role}": person for role, person in self.provider.members.items()}
        people |= {"stranger": self.recipient.stranger, "other stranger": self.provider.stranger, **self.staff}
        return {person.email: name for name, person in people.items()}

    def news(self, fact: str, *, service: str = "subscriptions", by: Person | str | None = None, **more: Any) -> Any:
        data = {
            **IDS,
            "organization_id": self.recipient.organization_id,
            "provider_id": self.provider.organization_id,
            "application_id": self.application_id,
            "product_id": "prd_zoo",
            **more,
        }
        actor = by.user_id if isinstance(by, Person) else by or "system:subscriptions.timekeeper"
        around = {"time": to_timestamp(self.world.clock.now()), "actor": actor}
        return envelope(f"{service}.{fact}.v1", f"{fact}_{next(_numbers)}", 1, data, **around)

    async def tell(self, message: Any) -> dict[str, Any]:
        """Let the announcement be heard; return the letters by the name of who got them."""
        before = len(self.world.inbox.mails)
        count = await _letters(self.world)
        for reaction in self.world.service.wired_reactions():
            if message.key in reaction.keys and reaction.queue in ("identity.inform_people", "identity.remember_representative"):
                await reaction.handle(message)
        written = await _letters(self.world) - count
        async with asyncio.timeout(60):
            while len(self.world.inbox.mails) < before + written:  # noqa: ASYNC110 - the mail server is elsewhere
                await asyncio.sleep(0.02)
        everybody = self.everybody
        return {everybody[mail["To"]]: mail for mail in self.world.inbox.mails[before:]}


async def _letters(world: World) -> int:
    return await world.store.reader().collection("mails").count_documents({})


async def open_portal(world: World) -> Portal:
    bureau = await Bureau.open(world)
    recipient, provider = await world.team(), await world.team()
    staff = {"operator": bureau.operator}
    for role in ("BUSINESS_REPRESENTATIVE", "SECURITY_OFFICER", "SUPPORT"):
        staff[role] = await world.someone(role.title())
        await world.do("grant_platform_role", bureau.operator, user_id=staff[role].user_id, role=role)
    await world.do("rename_organization", recipient.members["OWNER"], organization_id=recipient.organization_id, name="Acme")
    await world.do("rename_organization", provider.members["OWNER"], organization_id=provider.organization_id, name="Register")
    application_id, _, _ = await world.application(recipient.organization_id, recipient.members["OWNER"], "Finder")
    product = {"product_id": "prd_zoo", "organization_id": provider.organization_id, "slug": "zoo", "title": "Zoo of Rīga"}
    message = envelope("catalog.product_created.v1", "prd_zoo", 1, {**product, "sensitivity": "CONFIDENTIAL"})
    for reaction in world.service.wired_reactions():
        if reaction.queue == "identity.remember_product":
            await reaction.handle(message)
    return Portal(bureau, recipient, provider, staff, application_id)


@pytest.fixture(scope="module")
async def portal(make_store: Any, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Portal]:
    clock = MovingClock()
    world = World(make_store("identity", clock), tmp_path_factory.mktemp("portal"), clock)
    await world.start()
    yield await open_portal(world)
    await world.close()


def recipients(*roles: str) -> set[str]:
    return {f"recipient {role}" for role in roles}


def providers(*roles: str) -> set[str]:
    return {f"provider {role}" for role in roles}


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
        affected["affected_organization_ids"] = [portal.recipient.organization_id, "org_gone"]
    letters = await portal.tell(portal.news(fact, service=service, **(more | named | affected)))
    assert set(letters) == who
    for mail in letters.values():
        text = mail.get_content()
        assert re.findall(r"http://\S+", text) == [f"{portal.world.settings.portal_url}{path}"]
        assert "Zoo of Rīga" in text
        assert all(more[name] in text for name in ("reason", "note") if name in more)
        assert ("2031-05-06" in text) is ("2031-05-06" in str(more))
        assert "“non-disclosure agreement”" in text or "kind" not in more
        for other in ("usr_", "org_", "@", "None", "{"):
            assert other not in text


async def test_the_one_who_did_it_is_not_told_and_who_did_it_decides_whom(portal: Portal) -> None:
    owner, developer = portal.recipient.members["OWNER"], portal.recipient.members["DEVELOPER"]
    decider = portal.provider.members["ADMINISTRATOR"]
    assert await portal.tell(portal.news("subscription_activated", by=developer)) == {}
    assert set(await portal.tell(portal.news("subscription_activated", by=decider))) == ASKING
    told = await portal.tell(portal.news("subscription_cancelled", by=owner))
    assert set(told) == DECIDING
    assert "Acme" in told["provider OWNER"].get_content()
    told = await portal.tell(portal.news("subscription_suspended", by=owner))
    assert set(told) == ASKING - {"recipient OWNER"}
    told = await portal.tell(portal.news("permission_requested", by=decider))
    assert set(told) == DECIDING - {"provider ADMINISTRATOR"}
    representative = portal.staff["BUSINESS_REPRESENTATIVE"]
    mine = portal.news("representative_assigned", by=representative, representative_id=representative.user_id)
    assert set(await portal.tell(mine)) == FILING


async def test_a_representative_without_a_role_and_a_thing_without_a_name_are_passed_over(portal: Portal) -> None:
    stranger = portal.recipient.stranger
    assigned = portal.news("representative_assigned", representative_id=stranger.user_id, request_id="cnr_2")
    assert set(await portal.tell(assigned)) == FILING
    unknown = {"product_id": "prd_none", "application_id": "app_none", "kind": "LETTER", "permission_id": "no id at all\n"}
    [*letters] = (await portal.tell(portal.news("permission_granted", **unknown))).values()
    for mail in letters:
        assert "the application to call the product." in mail.get_content()
        assert mail.get_content().rstrip().endswith(f"{portal.world.settings.portal_url}/sign-in")
        assert mail["Subject"] == "Permission is granted"
        assert "app_none" not in mail.get_content()


async def test_the_last_assigned_representative_counts_whatever_comes_last(portal: Portal) -> None:
    between = {"organization_id": portal.recipient.organization_id, "provider_id": portal.provider.organization_id}
    for sequence, role in ((4, "BUSINESS_REPRESENTATIVE"), (2, "SUPPORT")):
        data = {**between, "request_id": "cnr_order", "representative_id": portal.staff[role].user_id}
        await portal.tell(envelope("subscriptions.representative_assigned.v1", "cnr_order", sequence, data))
    told = await portal.tell(portal.news("connection_withdrawn", request_id="cnr_order"))
    assert set(told) == DECIDING | {"BUSINESS_REPRESENTATIVE"}


async def test_a_representative_who_was_released_is_told_nothing_more(portal: Portal) -> None:
    between = {"organization_id": portal.recipient.organization_id, "provider_id": portal.provider.organization_id}
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
    text = letters["SUPPORT"].get_content()
    assert "role on the platform itself “auditor”" in text
    assert re.findall(r"http://\S+", text) == [f"{portal.world.settings.portal_url}/sign-in"]
    own = portal.news("platform_role_granted", service="identity", by=operator, user_id=operator.user_id, role="AUDITOR")
    assert await portal.tell(own) == {}


async def test_what_is_announced_again_long_afterwards_is_no_news(portal: Portal) -> None:
    old = to_timestamp(portal.world.clock.now() - timedelta(days=8))
    message = envelope(
        "subscriptions.permission_granted.v1",
        "prm_old",
        1,
        {**IDS, "organization_id": portal.recipient.organization_id},
        time=old,
    )
    assert await portal.tell(message) == {}
    assert await portal.tell(envelope("subscriptions.permission_granted.v1", "prm_empty", 1, {"organization_id": 7})) == {}


async def test_each_is_written_to_in_their_language_and_a_reason_stays_one_line(make_world: MakeWorld) -> None:
    world = await make_world()
    portal = await open_portal(world)
    for role, language in (("OWNER", "LV"), ("ADMINISTRATOR", "RU")):
        await world.do("change_profile", portal.recipient.members[role], language=language)
    titles = {"EN": "Zoo of Rīga", "RU": "Зоопарк"}
    product = {"product_id": "prd_zoo", "organization_id": "org_1", "slug": "zoo", "sensitivity": "CONFIDENTIAL"}
    message = envelope("catalog.product_changed.v1", "prd_zoo", 2, {**product, "title": "Zoo of Rīga", "titles": titles})
    for reaction in world.service.wired_reactions():
        if reaction.queue == "identity.remember_product":
            await reaction.handle(message)
    reason = "First.\r\n\r\nhttp\u2028Second " + "x" * 1000
    letters = await portal.tell(portal.news("permission_refused", reason=reason))
    assert "Datu devējs „Register” neatļauj klienta lietojumam „Finder”" in letters["recipient OWNER"].get_content()
    assert "Поставщик данных «Register» не разрешает приложению «Finder»" in letters["recipient ADMINISTRATOR"].get_content()
    assert "продукт «Зоопарк»" in letters["recipient ADMINISTRATOR"].get_content()
    assert "produktu „Zoo of Rīga”" in letters["recipient OWNER"].get_content()
    english = letters["recipient DEVELOPER"].get_content()
    [line] = [each for each in english.splitlines() if each.startswith("Reason: ")]
    assert line.startswith("Reason: First. http Second xxx")
    assert len(line) < 520
    waiting = str(await world.store.reader().collection("mails").find({}))
    assert "Finder" not in waiting
    assert portal.recipient.members["OWNER"].email not in waiting


async def test_a_large_organization_is_told_through_its_oldest_members(make_world: MakeWorld) -> None:
    world = await make_world()
    portal = await open_portal(world)
    mail = {"language": "en", "password_hash": None, "created_at": world.clock.now()}
    reader = world.store.reader()
    for number in range(MOST_LETTERS):
        user = {"_id": f"usr_x{number:03}", "name": "X", "email": f"x{number}@x.example", "email_key": f"x{number}@x.example"}
        await reader.collection("users").insert_one(user | mail)
        member = {"organization_id": portal.recipient.organization_id, "user_id": user["_id"], "role": "DEVELOPER"}
        await reader.collection("memberships").insert_one({"_id": f"mem_zz{number:03}", **member, "since": world.clock.now()})
    before = await _letters(world)
    [reaction] = [each for each in world.service.wired_reactions() if each.queue == "identity.inform_people"]
    await reaction.handle(portal.news("permission_granted"))
    assert await _letters(world) - before == MOST_LETTERS


def test_the_letters_of_one_event_are_bounded() -> None:
    assert [most_each(count) for count in (0, 1, 2, 4, 10, 500)] == [MOST_LETTERS, MOST_LETTERS, 50, 50, MOST_AFFECTED // 10, 1]
