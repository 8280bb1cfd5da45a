"""Real services live, by a clock that is moved; audit hears of it afterwards, and says of each day how it was."""

from collections.abc import AsyncIterator, Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from chassis.bus import Message
from chassis.clock import FixedClock
from chassis.local import LocalBus
from chassis.mongo import Store
from services.audit.main import build as build_audit
from services.audit.settings import AuditSettings
from services.subscriptions.main import build as build_subscriptions
from services.subscriptions.settings import SubscriptionsSettings
from tests.passports import make_verifier
from tests.services.identity.world import World
from tests.services.mail_server import MovingClock
from tests.services.stage import Person, Stage
from tests.services.subscriptions.announcements import (
    APPLICATION,
    AUTOMATIC,
    CONSUMER,
    PRODUCT,
    PROVIDER,
    application,
    plan,
    product,
    version,
)
from tests.services.subscriptions.permitting import asked

DAY = timedelta(days=1)


async def outbox(store: Store) -> list[Message]:
    """Return what a service has announced, in order."""
    rows = await store.reader().collection("outbox").find({}, sort=[("_id", 1)])
    return [Message(id=row["_id"], key=row["key"], body=row["body"]) for row in rows]


async def said(stage: Stage, load: str, at: datetime, of: str = CONSUMER, **args: Any) -> list[dict[str, Any]]:
    auditor = stage.person("usr_auditor", platform_roles=("AUDITOR",))
    [row] = (await auditor.load(load, [{"organization_id": of, "at": at.isoformat()}], **args)).rows
    found: list[dict[str, Any]] = row["nodes"]
    return found


class Days:
    """What was expected of each day between two deeds; a deed takes no time, and the next day begins after it."""

    def __init__(self, clock: Any) -> None:
        self._clock = clock
        self.expected: list[tuple[datetime, Any]] = []

    def note(self, expected: Any) -> None:
        """Expect this from now on, through the day, until just before the next deed."""
        now = self._clock.now()
        self.expected += [(now, expected), (now + DAY / 2, expected), (now + DAY - timedelta(milliseconds=1), expected)]


@pytest.fixture
async def lives(make_store: Callable[..., Any], bus: LocalBus, tmp_path: Path, clock: FixedClock) -> list[Stage]:
    """Subscriptions and audit, which is only told at the end."""
    keys = tmp_path / "keys"
    verifier = make_verifier(keys)
    services = [
        build_subscriptions(SubscriptionsSettings(patience_seconds=0.2), bus, make_store("subscriptions", clock), verifier),
        build_audit(AuditSettings(keys_dir=keys), bus, make_store("audit", clock), verifier),
    ]
    for each in services:
        await each.declare()
    return [Stage(each, keys) for each in services]


async def lived(subscriptions: Stage, clock: FixedClock, days: Days) -> None:
    """Let a permission and a subscription live, a deed a day; note what is expected after each."""
    consumer, provider = subscriptions.person(org_consumer="OWNER"), subscriptions.person("usr_p", org_provider="OWNER")

    async def next_day(person: Person | None = None, verb: str = "", **given: Any) -> Any:
        clock.advance(DAY)
        return (await person.do(verb, **given)).result if person is not None else None

    days.note(("none", None, [], []))
    await next_day()
    permission = (await asked(subscriptions))["id"]
    days.note(("none", None, [], []))
    await next_day(provider, "grant_permission", permission_id=permission)
    days.note(("none", None, [], [permission]))
    wish = {"application_id": APPLICATION, "product_id": PRODUCT, "plan_id": AUTOMATIC}
    it = {"subscription_id": (await next_day(consumer, "subscribe", **wish))["id"]}
    days.note(("ACTIVE", AUTOMATIC, [], [permission]))
    await next_day(consumer, "suspend_subscription", **it, reason="Quiet days.")
    days.note(("SUSPENDED", AUTOMATIC, ["RECIPIENT"], [permission]))
    await next_day(provider, "suspend_subscription", **it, reason="An outage.")
    days.note(("SUSPENDED", AUTOMATIC, ["PROVIDER", "RECIPIENT"], [permission]))
    await next_day(consumer, "resume_subscription", **it)
    days.note(("SUSPENDED", AUTOMATIC, ["PROVIDER"], [permission]))
    await next_day(provider, "resume_subscription", **it)
    days.note(("ACTIVE", AUTOMATIC, [], [permission]))
    await next_day(consumer, "change_subscription_plan", **it, plan_id="pln_other", when="NOW")
    days.note(("ACTIVE", "pln_other", [], [permission]))
    await next_day(provider, "revoke_permission", permission_id=permission, reason="Not any more.")
    await subscriptions.hear(*await outbox(subscriptions.service.store))
    days.note(("SUSPENDED", "pln_other", ["PERMISSION"], []))
    await next_day(consumer, "cancel_subscription", **it)
    days.note(("none", None, [], []))
    clock.advance(DAY)


async def test_the_life_of_a_subscription_and_its_permission(lives: Any, clock: FixedClock) -> None:
    subscriptions, audit = lives
    days = Days(clock)
    offer = [application(), product(asks_for=["PERMISSION"]), version(), plan(), plan(plan_id="pln_other", name="Other")]
    await subscriptions.hear(*offer)
    await lived(subscriptions, clock, days)
    await audit.hear(*offer, *reversed(await outbox(subscriptions.service.store)))
    for at, expected in days.expected:
        held = await said(audit, "holdings_on", at)
        as_provider = await said(audit, "recipients_on", at, of=PROVIDER)
        assert held == as_provider
        permitted = [each["id"] for each in await said(audit, "holdings_on", at, kinds=["PERMISSION"])]
        [row] = held or [{"status": "none", "plan_id": None, "causes": [], "grounds": None}]
        assert (row["status"], row["plan_id"], row["causes"], permitted) == expected, at
        if held:
            assert [each["id"] for each in row["grounds"]] == permitted


@pytest.fixture
async def identity(make_store: Callable[..., Any], tmp_path: Path) -> AsyncIterator[World]:
    clock = MovingClock()
    world = World(make_store("identity", clock), tmp_path / "identity", clock)
    await world.start()
    yield world
    await world.close()


async def test_the_life_of_a_member(identity: World, make_store: Callable[..., Any], bus: LocalBus, tmp_path: Path) -> None:
    clock = identity.clock
    keys = tmp_path / "keys"
    service = build_audit(AuditSettings(keys_dir=keys), bus, make_store("audit", clock), make_verifier(keys))
    await service.declare()
    audit = Stage(service, keys)
    owner, member = await identity.someone(), await identity.someone()
    organization = await identity.organization(owner)
    both = {"organization_id": organization, "user_id": member.user_id}
    moments: list[tuple[datetime, dict[str, str]]] = []

    def note(**expected: str) -> None:
        # The clock runs here: what is asked about lies between two deeds.
        moments.append(
            (
                clock.now(),
                {name.replace("owner", owner.user_id).replace("member", member.user_id): role for name, role in expected.items()},
            )
        )
        clock.ahead += timedelta(hours=1)

    note(owner="OWNER")
    await identity.join(organization, owner, member, "DEVELOPER")
    note(owner="OWNER", member="DEVELOPER")
    assert (await identity.do("change_role", owner, **both, role="ADMINISTRATOR")).status == 200
    note(owner="OWNER", member="ADMINISTRATOR")
    assert (await identity.do("transfer_ownership", owner, **both)).status == 200
    note(owner="ADMINISTRATOR", member="OWNER")
    left = {"organization_id": organization, "user_id": owner.user_id}
    assert (await identity.do("remove_member", member, **left)).status == 200
    note(member="OWNER")
    name = (await identity.load("organizations_by_id", [organization], member)).rows[0]["name"]
    assert (await identity.do("delete_organization", member, organization_id=organization, name=name)).status == 200
    note()

    await audit.hear(*reversed([each for each in await outbox(identity.store) if not each.key.endswith("act_recorded.v1")]))
    for at, expected in moments:
        found = {each["user_id"]: each["role"] for each in await said(audit, "members_on", at, of=organization)}
        assert found == expected, at
