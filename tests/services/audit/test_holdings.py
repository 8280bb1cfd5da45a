"""Who had access to what on a day: as announced, whatever the order; and only for those who may ask."""

import random
from datetime import datetime
from typing import Any

import pytest

from chassis.bus import Message
from chassis.clock import FixedClock
from tests.services.audit.announcements import (
    ORGANIZATION,
    PROVIDER,
    STRANGER,
    day,
    ground,
    names,
    organization,
    stated,
    subscription,
    told,
)
from tests.services.stage import Person, Stage

LIFE = [
    subscription("subscription_requested", 1, 1, "PENDING"),
    subscription("subscription_activated", 2, 5, "ACTIVE"),
    subscription("subscription_suspended", 3, 10, "SUSPENDED", causes=["PROVIDER"]),
    subscription("subscription_suspended", 4, 11, "SUSPENDED", causes=["PROVIDER", "OPERATOR"]),
    subscription("subscription_resumed", 5, 12, "ACTIVE", causes=["PROVIDER"]),
    subscription("plan_changed", 6, 15, "ACTIVE", plan_id="pln_2", causes=[], former_plan_id="pln_1"),
    subscription("subscription_cancelled", 7, 25, "CANCELLED", plan_id="pln_2"),
]
GROUNDS = [
    ground("permission", "requested", 1, 1, status="REQUESTED"),
    ground("permission", "granted", 2, 2, status="GRANTED", valid_from=day(4).isoformat(), valid_to=day(8).isoformat()),
    ground("permission", "extended", 3, 7, status="GRANTED", valid_from=day(4).isoformat(), valid_to=day(30).isoformat()),
    ground("permission", "revoked", 4, 18, status="REVOKED"),
    ground("agreement", "confirmed", 1, 3, status="CONFIRMED", valid_from=day(3).isoformat()),
]
PEOPLE = [
    organization("member_joined", 2, 0, user_id="usr_owner", role="OWNER"),
    organization("member_joined", 3, 2, user_id="usr_two", role="DEVELOPER"),
    organization("role_changed", 4, 4, user_id="usr_two", role="ADMINISTRATOR", former_role="DEVELOPER"),
    organization("owner_changed", 5, 6, owner_id="usr_two", former_owner_id="usr_owner", by="TRANSFER"),
    organization("member_removed", 6, 8, user_id="usr_owner"),
    organization("organization_deleted", 7, 26),
]
EVERYTHING = [*names(), *LIFE, *GROUNDS, *PEOPLE]


def auditor(stage: Stage) -> Person:
    return stage.person("usr_auditor", platform_roles=("AUDITOR",))


async def page_of(person: Person, load: str, at: datetime, *, of: str = ORGANIZATION, **args: Any) -> Any:
    [row] = (await person.load(load, [{"organization_id": of, "at": at.isoformat()}], **args)).rows
    return row


async def nodes(person: Person, load: str, at: float, **more: Any) -> list[Any]:
    found: list[Any] = (await page_of(person, load, day(at), **more))["nodes"]
    return found


async def shuffled(stage: Stage, announcements: list[Message], seed: int) -> None:
    """Hear everything twice, in some order."""
    several = [*announcements, *announcements]
    random.Random(seed).shuffle(several)
    await stage.hear(*several)


@pytest.mark.parametrize("seed", range(4))
async def test_each_day_is_answered_as_it_was_whatever_the_order(stage: Stage, seed: int) -> None:
    await shuffled(stage, EVERYTHING, seed)
    for at, status, plan, causes, since, until in (
        (5, "ACTIVE", "Small", [], 5, 10),
        (9.9, "ACTIVE", "Small", [], 5, 10),
        (10, "SUSPENDED", "Small", ["PROVIDER"], 10, 11),
        (11.5, "SUSPENDED", "Small", ["OPERATOR", "PROVIDER"], 11, 12),
        (12, "ACTIVE", "Small", [], 12, 15),
        (15, "ACTIVE", "Large", [], 15, 25),
        (24.9, "ACTIVE", "Large", [], 15, 25),
    ):
        [row] = await nodes(auditor(stage), "holdings_on", at)
        assert (row["status"], row["plan_name"], row["causes"]) == (status, plan, causes)
        assert [datetime.fromisoformat(row[name]) for name in ("since", "until")] == [day(since), day(until)]
        assert (row["application_name"], row["product_title"]) == ("First" if at < 20 else "Second", "Addresses")
        assert (row["organization_name"], row["provider_name"], row["client_id"]) == ("Recipients", "Providers", "cli")
    for at in (0.5, 4.9, 25, 28):
        assert await nodes(auditor(stage), "holdings_on", at) == []


@pytest.mark.parametrize("seed", range(3))
async def test_what_it_rested_on_is_told_as_it_was(stage: Stage, seed: int) -> None:
    await shuffled(stage, EVERYTHING, seed)
    for at, expected in (
        (6, [("AGREEMENT", 3, None), ("PERMISSION", 4, 7)]),
        (9, [("AGREEMENT", 3, None), ("PERMISSION", 7, 18)]),
        (18, [("AGREEMENT", 3, None)]),
    ):
        [row] = await nodes(auditor(stage), "holdings_on", at)
        assert [(each["kind"], each["id"]) for each in row["grounds"]] == [(kind, f"{kind.lower()}_1") for kind, _, _ in expected]
        for each, (_, since, until) in zip(row["grounds"], expected, strict=True):
            assert datetime.fromisoformat(each["since"]) == day(since)
            assert each["until"] == (None if until is None else to_wire(until))
    kinds = ["PERMISSION", "AGREEMENT", "APPLICATION"]
    found = await nodes(auditor(stage), "holdings_on", 3.5, kinds=kinds)
    assert [each["kind"] for each in found] == ["AGREEMENT", "APPLICATION"]


def to_wire(at: float) -> str:
    return day(at).isoformat().replace("+00:00", "Z")


@pytest.mark.parametrize("seed", range(3))
async def test_members_are_told_with_their_roles_until_their_organization_ends(stage: Stage, seed: int) -> None:
    await shuffled(stage, EVERYTHING, seed)
    for at, expected in (
        (1, {"usr_owner": "OWNER"}),
        (3, {"usr_owner": "OWNER", "usr_two": "DEVELOPER"}),
        (5, {"usr_owner": "OWNER", "usr_two": "ADMINISTRATOR"}),
        (7, {"usr_owner": "ADMINISTRATOR", "usr_two": "OWNER"}),
        (9, {"usr_two": "OWNER"}),
        (26, {}),
    ):
        found = await nodes(auditor(stage), "members_on", at)
        assert {each["user_id"]: each["role"] for each in found} == expected
    [last] = await nodes(auditor(stage), "members_on", 20)
    assert last["until"] == to_wire(26)


async def test_what_comes_late_corrects_what_was_known(stage: Stage) -> None:
    await stage.hear(*names(), LIFE[1], LIFE[6])
    [row] = await nodes(auditor(stage), "holdings_on", 10.5)
    assert (row["status"], row["until"]) == ("ACTIVE", to_wire(25))
    await stage.hear(*LIFE[2:6])
    [row] = await nodes(auditor(stage), "holdings_on", 10.5)
    assert (row["status"], row["until"]) == ("SUSPENDED", to_wire(11))


@pytest.mark.parametrize("seed", range(3))
async def test_who_is_new_learns_what_is_stated_from_that_day_on(stage: Stage, seed: int) -> None:
    """A queue that was not there when things happened; what is stated counts from when it is."""
    living = [*names(), PEOPLE[0], PEOPLE[1], subscription("subscription_suspended", 4, 11, "SUSPENDED", causes=["PROVIDER"])]
    await shuffled(stage, [stated(each, 14, 9) for each in living], seed)
    for on, expected in ((13, []), (14, ["SUSPENDED"]), (24, ["SUSPENDED"])):
        assert [each["status"] for each in await nodes(auditor(stage), "holdings_on", on)] == expected
        found = await nodes(auditor(stage), "members_on", on)
        assert {each["user_id"]: each["role"] for each in found} == (
            {"usr_owner": "OWNER", "usr_two": "DEVELOPER"} if expected else {}
        )
    [row] = await nodes(auditor(stage), "holdings_on", 14)
    assert (row["product_title"], row["organization_name"]) == ("Addresses", "Recipients")
    # What happens goes on from there, and what had happened corrects it.
    await shuffled(stage, [subscription("subscription_resumed", 10, 16, "ACTIVE"), *LIFE[:4]], seed)
    for at, status, until in ((5, "ACTIVE", 10), (11.5, "SUSPENDED", 14), (15, "SUSPENDED", 16), (20, "ACTIVE", None)):
        [row] = await nodes(auditor(stage), "holdings_on", at)
        assert (row["status"], row["until"]) == (status, until and to_wire(until))


@pytest.mark.parametrize("seed", range(3))
async def test_who_has_heard_everything_learns_nothing_from_what_is_stated(stage: Stage, seed: int) -> None:
    last = subscription("plan_changed", 6, 15, "ACTIVE", plan_id="pln_2", causes=[], former_plan_id="pln_1")
    gone = organization("organization_created", 1, 0, name="Recipients", is_test=False, owner_id="usr_owner")
    late = [stated(last, 20, 6), stated(gone, 28, 6), stated(PEOPLE[-1], 28, 7), stated(GROUNDS[4], 20, 1)]
    await shuffled(stage, [*EVERYTHING, *late], seed)
    for at, status, since in ((11.5, "SUSPENDED", 11), (14, "ACTIVE", 12), (16, "ACTIVE", 15), (24, "ACTIVE", 15)):
        [row] = await nodes(auditor(stage), "holdings_on", at)
        assert (row["status"], row["since"]) == (status, to_wire(since))
    [row] = await nodes(auditor(stage), "holdings_on", 16)
    assert ("AGREEMENT", to_wire(3)) in [(each["kind"], each["since"]) for each in row["grounds"]]
    assert len(await nodes(auditor(stage), "members_on", 25.9)) == 1
    assert await nodes(auditor(stage), "members_on", 26.1) == []


async def test_roles_on_the_platform_standings_and_certificates(stage: Stage) -> None:
    certificate = {"certificate_id": "crt_1", "organization_id": ORGANIZATION, "application_id": None, "thumbprint": "t"}
    await shuffled(
        stage,
        [
            told("identity.platform_role_granted", "usr_a", 4, 1, user_id="usr_a", role="AUDITOR"),
            told("identity.platform_role_withdrawn", "usr_a", 6, 3, user_id="usr_a", role="AUDITOR"),
            told("identity.platform_role_granted", "usr_a", 7, 5, user_id="usr_a", role="AUDITOR"),
            told("catalog.provider_standing_granted", PROVIDER, 1, 2, organization_id=PROVIDER),
            told("catalog.provider_standing_withdrawn", PROVIDER, 2, 4, organization_id=PROVIDER),
            told("identity.certificate_registered", "crt_1", 1, 1, not_after=day(6).isoformat(), **certificate),
        ],
        7,
    )

    async def held(at: float, **about: str) -> list[tuple[str, str, str | None]]:
        key = {"at": day(at).isoformat(), **about}
        [row] = (await auditor(stage).load("holdings_of_anybody", [key])).rows
        return [(each["kind"], each["id"], each["role"]) for each in row["nodes"]]

    role, standing, crt = ("PLATFORM_ROLE", "usr_a", "AUDITOR"), ("PROVIDER", PROVIDER, None), ("CERTIFICATE", "crt_1", None)
    assert await held(1.5) == [crt, role]
    assert await held(2.5) == [crt, role, standing]
    assert await held(3.5) == [crt, standing]
    assert await held(4.5) == [crt]
    assert await held(6) == [role]
    assert await held(2.5, user_id="usr_a") == [role]
    assert await held(2.5, organization_id=ORGANIZATION) == [crt]
    assert await held(2.5, product_id="prd_1") == []


async def test_each_sees_their_own_side(stage: Stage) -> None:
    await stage.hear(*EVERYTHING)
    of_recipient = stage.member(ORGANIZATION, "OWNER")
    of_provider = stage.member(PROVIDER, "ADMINISTRATOR")
    [mine] = await nodes(of_recipient, "holdings_on", 6)
    [theirs] = await nodes(of_provider, "recipients_on", 6, of=PROVIDER)
    assert (mine["id"], theirs["id"]) == ("sub_1", "sub_1")
    assert await nodes(of_recipient, "recipients_on", 6) == []
    assert await nodes(of_provider, "holdings_on", 6, of=PROVIDER) == []
    # A provider learns nothing of its recipients but what they hold of it.
    kinds = ["APPLICATION", "CERTIFICATE", "MEMBER", "PROVIDER", "PLATFORM_ROLE"]
    assert await nodes(of_provider, "recipients_on", 6, of=PROVIDER, kinds=kinds) == []
    for load in ("holdings_on", "members_on", "recipients_on"):
        assert await page_of(of_provider, load, day(6)) is None
        assert await page_of(of_recipient, load, day(6), of=PROVIDER) is None


LOADS = ("holdings_on", "members_on", "recipients_on")


@pytest.mark.parametrize("who", ["developer", "observer", "stranger", "nobody", "support", "analyst"])
async def test_nobody_else_is_told_anything(stage: Stage, who: str) -> None:
    await stage.hear(*EVERYTHING)
    person = {
        "developer": stage.member(ORGANIZATION, "DEVELOPER"),
        "observer": stage.member(ORGANIZATION, "OBSERVER"),
        "stranger": stage.member(STRANGER, "OWNER"),
        "nobody": stage.anonymous,
        "support": stage.person("usr_h", platform_roles=("SUPPORT",)),
        "analyst": stage.person("usr_y", platform_roles=("ANALYST", "BUSINESS_REPRESENTATIVE")),
    }[who]
    for load in LOADS:
        assert await page_of(person, load, day(6)) is None
        assert await page_of(person, load, day(6), of="org_that_never_was") is None
    at = day(6).isoformat()
    assert (await person.load("access_on", [ORGANIZATION, "org_that_never_was"], at=at)).rows == [None, None]
    assert (await person.load("operator_access_on", ["all"], at=at)).rows == [None]
    assert (await person.load("holdings_of_anybody", [{"at": at}])).rows == [None]


async def test_who_has_asked_is_recorded(stage: Stage) -> None:
    at = day(6).isoformat()
    await auditor(stage).load("operator_access_on", ["all"], at=at)
    await stage.member("org_a1", "OWNER").load("access_on", ["org_a1"], at=at)
    await stage.member("org_a1", "OWNER").load("access_on", ["org_a2"], at=at)
    acts = [each["data"] for each in await stage.acts()]
    assert sorted((each["verb"], each["outcome"], *each["organization_ids"]) for each in acts) == [
        ("view_access", "DENIED", "org_a2"),
        ("view_access", "DONE"),
        ("view_access", "DONE", "org_a1"),
    ]


async def test_long_lists_come_in_pages(stage: Stage) -> None:
    await stage.hear(*(subscription("subscription_activated", 1, 1, "ACTIVE", number=number) for number in range(1, 8)))
    seen: list[str] = []
    after = None
    for _ in range(4):
        page = await page_of(auditor(stage), "holdings_on", day(2), first=2, after=after)
        seen += [each["id"] for each in page["nodes"]]
        after = page["next"]
    assert (seen, after) == ([f"sub_{number}" for number in range(1, 8)], None)
    for args in ({"first": 0}, {"first": 101}, {"after": "nothing"}, {"kinds": ["HOUSE"]}):
        found = await auditor(stage).load("holdings_on", [{"organization_id": ORGANIZATION, "at": day(2).isoformat()}], **args)
        assert (found.status, bool(found.body["fields"])) == (422, True)


async def test_from_when_on_it_is_known_and_what_has_not_come_yet(stage: Stage, clock: FixedClock) -> None:
    at = day(6).isoformat()
    [row] = (await auditor(stage).load("access_on", [ORGANIZATION], at=at)).rows
    assert row["known_since"] is None
    began = clock.now()
    for _ in range(2):
        for worker in stage.service.workers:
            await worker.start()
            await worker.close()
        clock.advance(day(1) - day(0))
    [row] = (await auditor(stage).load("access_on", [ORGANIZATION], at=at)).rows
    assert datetime.fromisoformat(row["known_since"]) == began
    [row] = (await auditor(stage).load("operator_access_on", ["all"], at=at, user_id="usr_a")).rows
    assert (datetime.fromisoformat(row["known_since"]), row["user_id"]) == (began, "usr_a")
    ahead = (clock.now() + (day(1) - day(0))).isoformat()
    for load, keys, args in (
        ("access_on", [ORGANIZATION], {"at": ahead}),
        ("operator_access_on", ["all"], {"at": ahead}),
        ("holdings_on", [{"organization_id": ORGANIZATION, "at": ahead}], {}),
        ("holdings_of_anybody", [{"at": ahead}], {}),
    ):
        found = await auditor(stage).load(load, keys, **args)
        assert (found.code, found.body["fields"][0]["field"]) == ("MOMENT_NOT_REACHED", "at")
    for wrong in ("yesterday", "2029-01-01T00:00:00", None, 7e99):
        assert (await auditor(stage).load("access_on", [ORGANIZATION], at=wrong)).status == 422


@pytest.mark.parametrize("lacking", ["status", "plan_id"])
async def test_an_announcement_that_lacks_something_is_refused_for_good(stage: Stage, lacking: str) -> None:
    data = {"status": "ACTIVE", "plan_id": "pln_1"}
    del data[lacking]
    with pytest.raises(Exception, match=lacking):
        await stage.hear(told("subscriptions.subscription_activated", "sub_1", 1, 1, **data))
