"""Long ways at random through permissions and subscriptions, two steps at a moment, with a clock that moves and stumbles.

After each stretch everything announced is heard, shuffled and partly twice; then what is kept has to agree with itself, and
what the data plane decides with what is kept.
"""

import asyncio
import itertools
import random
from collections import Counter, defaultdict
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

import pytest

from chassis import messages
from chassis.bus import Message
from chassis.clock import FixedClock
from services.enforcement.checks.case import Asked, Credentials, Now
from services.enforcement.checks.domain import decide
from services.enforcement.limits.rates import Rate
from services.enforcement.state.copies import KEYS, copy_of
from services.enforcement.state.world import World
from services.subscriptions.timekeeper import Timekeeper
from tests.services.stage import Answered, Stage, envelope
from tests.services.subscriptions.announcements import (
    APPLICATION,
    AUTOMATIC,
    BY_PROVIDER,
    PRODUCT,
    PROVIDER,
    application,
    application_deleted,
    plan,
    product,
)

OTHER = "pln_other"
OPERATIONS = ("read", "write")
ASKING: list[list[str]] = [[], ["PERMISSION"], ["PERMISSION"]]
STEPS_MS = (0, 1, 400, -400, 3_000, 20_000, 90_000)
OF_SUBSCRIPTION = (
    *("cancel_subscription", "withdraw_plan_change", "approve_subscription", "approve_plan_change", "resume_subscription"),
    *("suspend_subscription", "end_subscription", "reject_plan_change", "reject_subscription"),
)
OF_PERMISSION = (
    *("grant_permission", "grant_permission", "grant_permission", "extend_permission", "withdraw_permission_request"),
    *("refuse_permission", "revoke_permission"),
)


def published() -> Message:
    listed = [{"operation_id": each, "method": "GET", "path": f"/{each}"} for each in OPERATIONS]
    owned = {"product_id": PRODUCT, "organization_id": PROVIDER, "base_path": "/p/a/v1", "product_slug": "p"}
    return envelope("catalog.api_version_published.v1", "ver_1", 1, {"version_id": "ver_1", **owned, "operations": listed})


class Walk:
    """Somebody on either side who does anything at any time."""

    def __init__(self, stage: Stage, clock: FixedClock, seed: int) -> None:
        self.stage, self.clock = stage, clock
        self.chance = random.Random(seed)
        plans = [plan(), plan(plan_id=OTHER), plan(plan_id=BY_PROVIDER, approval="BY_PROVIDER")]
        self.outside = [application(), product(), published(), *plans]
        self.heard = 0
        self.product_sequences = itertools.count(2)
        self.codes: Counter[str] = Counter()
        self.is_deleted = False
        self.steps: list[Callable[[], Awaitable[Answered | None]]] = [
            *[self.subscribe] * 3,
            *[self.act_on_subscription] * 6,
            *[self.ask] * 2,
            *[self.act_on_permission] * 8,
            self.change_plan,
            self.change_product,
        ]

    async def rows(self, name: str) -> list[Any]:
        return await self.stage.service.store.reader().collection(name).find({}, sort=[("_id", 1)])

    def soon(self, *seconds: int) -> str:
        return (self.clock.now() + timedelta(seconds=self.chance.choice(seconds))).isoformat()

    async def any_of(self, name: str) -> str:
        found = await self.rows(name)
        return str(self.chance.choice(found[-2:])["_id"]) if found else "none"

    async def do(self, verb: str, **given: Any) -> Answered:
        both = self.stage.person("usr_both", org_consumer="OWNER", org_provider="OWNER")
        return await both.do(verb, **given)

    async def subscribe(self) -> Answered:
        plan_id = self.chance.choice([AUTOMATIC, AUTOMATIC, BY_PROVIDER])
        return await self.do("subscribe", application_id=APPLICATION, product_id=PRODUCT, plan_id=plan_id)

    async def act_on_subscription(self) -> Answered:
        verb = self.chance.choice([*OF_SUBSCRIPTION[2:6], *OF_SUBSCRIPTION])
        more = {"reason": "So."} if verb in OF_SUBSCRIPTION[5:] else {}
        return await self.do(verb, subscription_id=await self.any_of("subscriptions"), **more)

    async def change_plan(self) -> Answered:
        when = self.chance.choice([{}, {"when": "AT", "at": self.soon(2, 30)}])
        plan_id = self.chance.choice([AUTOMATIC, OTHER, BY_PROVIDER])
        return await self.do(
            "change_subscription_plan", subscription_id=await self.any_of("subscriptions"), plan_id=plan_id, **when
        )

    async def ask(self) -> Answered:
        wish = {"application_id": APPLICATION, "product_id": PRODUCT, "purpose": "x", "legal_basis": "y"}
        operations = self.chance.choice([None, ["read"], ["write", "read"]])
        return await self.do("request_permission", **wish, operations=operations)

    async def act_on_permission(self) -> Answered:
        verb = self.chance.choice(OF_PERMISSION)
        more: dict[str, Any] = {"reason": "So."} if verb in OF_PERMISSION[5:] else {}
        if verb == "grant_permission":
            more = {"valid_from": self.chance.choice([None, None, self.soon(-9, 1, 9)])}
        if verb in ("grant_permission", "extend_permission"):
            more |= {"valid_to": self.chance.choice([None, self.soon(2, 40)])}
        return await self.do(verb, permission_id=await self.any_of("permissions"), **more)

    async def change_product(self) -> None:
        await self.let_hear(product(next(self.product_sequences), asks_for=self.chance.choice(ASKING)))

    async def let_hear(self, message: Message) -> None:
        self.outside.append(message)
        await self.stage.hear(message)

    async def go(self) -> None:
        answers = await asyncio.gather(*(self.chance.choice(self.steps)() for _ in range(self.chance.choice([1, 2, 3]))))
        for answer in answers:
            assert answer is None or answer.status < 500, answer.body
            if answer is not None:
                self.codes["done" if answer.status == 200 else answer.code] += 1
                assert not {"NO_SUCH_ROUTE", "INPUT_NOT_USABLE"} & self.codes.keys(), answer.body
        self.clock.advance(timedelta(milliseconds=self.chance.choice(STEPS_MS)))

    async def settle(self) -> None:
        """Let time do what is due and everything be heard, in any order and partly twice, until nothing is new."""
        (keeper,) = [each for each in self.stage.service.workers if isinstance(each, Timekeeper)]
        while True:
            await asyncio.gather(keeper.look(), keeper.look())
            announced = await self.announced()
            new, self.heard = announced[self.heard :], len(announced)
            if not new:
                return
            self.chance.shuffle(new)
            await self.stage.hear(*new, *new[: len(new) // 2])

    async def announced(self) -> list[Message]:
        return [Message(id=each["_id"], key=each["key"], body=each["body"]) for each in await self.rows("outbox")]

    async def check(self) -> None:
        for name in ("subscriptions", "permissions"):
            rows = await self.rows(name)
            assert sum(each["is_live"] for each in rows) <= 1
            assert all(each["history"][-1]["status"] == each["status"] for each in rows)
        sequences = defaultdict(list)
        for each in await self.announced():
            heard = messages.read(each.body)
            sequences[heard.subject].append(heard.sequence)
        assert all(sorted(each) == list(range(1, len(each) + 1)) for each in sequences.values())
        permitted = await self.permitted()
        is_asked_for = "PERMISSION" in ((await self.rows("products"))[0]["prerequisites"] or [])
        live = [each for each in await self.rows("subscriptions") if each["status"] in ("ACTIVE", "SUSPENDED")]
        for each in live:
            held = {hold["cause"] for hold in each["holds"]}
            assert ("PERMISSION" in held) == (is_asked_for and permitted is None), (held, permitted)
            assert (each["status"] == "SUSPENDED") == bool(held)
        is_active = any(each["status"] == "ACTIVE" for each in live)
        for operation in OPERATIONS:
            covers = permitted is not None and operation in (permitted["granted"]["operations"] or OPERATIONS)
            passes = is_active and (covers or not is_asked_for) and not self.is_deleted
            assert await self.passes(operation) == passes, (operation, live, permitted)

    async def permitted(self) -> Any:
        """Return the permission that is in force: what began is kept, also where the clock went back."""
        for each in await self.rows("permissions"):
            ends, begins = each["ends_at"], each["begins_at"]
            if each["status"] == "GRANTED" and (ends is None or ends > self.clock.now()):
                return each if begins is None or begins <= self.clock.now() else None
        return None

    async def passes(self, operation: str) -> bool:
        world = World(Rate(10**6, 1, 10**6))
        told = [each for each in [*self.outside, *await self.announced()] if each.key in KEYS]
        self.chance.shuffle(told)
        for each in told:
            world.apply(copy_of(messages.read(each.body)))
        wall_ns = round(self.clock.now().timestamp() * 1000) * 1_000_000
        return (
            decide(world, Asked("GET", f"/p/a/v1/{operation}"), Credentials("cli", None, 0.0), Now(wall_ns, wall_ns)).refusal
            is None
        )


@pytest.mark.parametrize("seed", range(3))
async def test_whatever_was_done_everything_agrees(empty_clocked_stage: Stage, clock: FixedClock, seed: int) -> None:
    walk = Walk(empty_clocked_stage, clock, seed)
    await walk.stage.hear(*walk.outside)
    for stretch in range(60):
        if stretch >= 15 and walk.codes["done"] > 10:
            break  # what of two things at a moment comes first is not the seed's to say, so a way may need to be longer
        for _ in range(4):
            await walk.go()
        await walk.settle()
        await walk.check()
    walk.is_deleted = True
    await walk.let_hear(application_deleted(9))
    await walk.settle()
    await walk.check()
    assert not [each for name in ("subscriptions", "permissions") for each in await walk.rows(name) if each["is_live"]]
    assert walk.codes["done"] > 10, walk.codes
