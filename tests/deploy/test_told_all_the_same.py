"""Told all the same: a stream of facts reaches an organization and its people though everything on the way goes away for a while.

Facts are committed to an outbox and published by the relay to a real RabbitMQ; notifications is a process of its own. The
receiver of the organization's webhook and the mail server go away and come back, notifications is killed (SIGKILL) and started
again, and so is the broker. Afterwards every fact has arrived, and the ids that the receiver has seen are exactly those of the
facts; and of whatever is to be told to people there is one notice in the inbox and one mail.
"""

import asyncio
import os
import re
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest
from standardwebhooks import Webhook as ForeignReceiver

from chassis import outbox
from chassis.mongo import Store, Transaction
from chassis.outbox import Relay
from chassis.principal import HEADER, system
from chassis.rabbit import RabbitBus
from chassis.telemetry import log
from portico import serve
from portico.children import Child, Program
from services.identity.events import ApplicationChanged, MemberJoined, OrganizationCreated, RolesDescribed, UserReachable
from services.identity.keys import SharedSeal, make_missing_keys
from services.subscriptions.events import PermissionRequested
from tests.many_processes import LISTENS, ROOT, START_SECONDS
from tests.passports import GRANTS, ROLES, make_keys, make_passport
from tests.rabbit_node import RabbitNode, why_missing
from tests.services.mail_server import Inbox
from tests.services.notifications.newsroom import text_of
from tests.services.webhooks.receiver import Receiver

pytestmark = [
    pytest.mark.rabbitmq,
    pytest.mark.processes,
    pytest.mark.skipif(why_missing() is not None, reason=why_missing() or ""),
]
FACTS = int(os.environ.get("TOLD_ALL_THE_SAME_FACTS", "1000"))
TOLD_TO_PEOPLE_EVERY = 10
SUBJECTS = 300
FACTS_IN_A_TRANSACTION = 50
AWAY_SECONDS = 3.0
PATIENCE_SECONDS = max(400.0, FACTS * 0.3)
OWN = "org_told"


@dataclass
class Stream:
    """What takes part; each of the three in the middle can go away."""

    node: RabbitNode
    child: Child
    receiver: Receiver
    mail: Inbox
    store: Store
    told: Store
    keys: Path
    secret: str = ""
    facts: list[str] = field(default_factory=list)

    async def announce(self) -> None:
        """Commit the facts, some in each transaction, while the others come and go."""
        while len(self.facts) < FACTS:
            first = len(self.facts)

            async def some(tx: Transaction, first: int = first) -> list[str]:
                return [await _emit(tx, number) for number in range(first, min(first + FACTS_IN_A_TRANSACTION, FACTS))]

            self.facts += await self.store.transact(system("told-all-the-same"), some)

    async def arrived(self, share: float) -> None:
        """Wait until this share of the facts has arrived at least once."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            while len(set(self.receiver.ids)) < FACTS * share:  # noqa: ASYNC110 - it is what is looked at
                await asyncio.sleep(0.05)

    async def is_known(self, owner: str) -> None:
        """Announce the organization, its Owner, and what its roles allow."""
        address = SharedSeal(self.keys / "notices.key").close("owner@told.example", owner)
        actions = {role: tuple(GRANTS[role]) for role in ROLES}
        facts = (
            (RolesDescribed(actions_by_role=actions), "roles"),
            (UserReachable(user_id=owner, name="Olga", language="ru", platform_roles=(), sealed_address=address), owner),
            (OrganizationCreated(organization_id=OWN, name="Told", is_test=False, owner_id=owner), OWN),
            (MemberJoined(organization_id=OWN, user_id=owner, role="OWNER"), OWN),
        )

        async def say(tx: Transaction) -> None:
            for fact, subject in facts:
                await tx.emit(fact, subject=subject)

        await self.store.transact(system("told-all-the-same"), say)

    async def everybody_is_told(self) -> None:
        """Wait until all mails have arrived, and see that nothing was told twice."""
        wanted = {f"prm_{number}" for number in range(0, FACTS, TOLD_TO_PEOPLE_EVERY)}
        async with asyncio.timeout(PATIENCE_SECONDS):
            while len(self.mail_ids()) < len(wanted):  # noqa: ASYNC110 - it is what is looked at
                await asyncio.sleep(0.1)
        assert len(self.mail_ids()) == len(wanted)
        mailed = {each["Message-ID"]: text_of(each) for each in self.mail.mails}
        assert {found for text in mailed.values() for found in re.findall(r"prm_[0-9]+", text)} == wanted
        notices = await self.told.reader().collection("notices").find({})
        assert (len(notices), {each["user_id"] for each in notices}) == (len(wanted), {"usr_1"})

    def mail_ids(self) -> set[str]:
        return {str(each["Message-ID"]) for each in self.mail.mails}

    async def receivers_go_away(self) -> None:
        """Some of what the receiver has taken it never answers."""
        await self.receiver.down()
        await self.mail.close()
        await asyncio.sleep(AWAY_SECONDS)
        await self.receiver.up()
        await self.mail.open()

    async def sender_is_killed(self) -> None:
        os.kill(self.child.pid, signal.SIGKILL)
        await self.child.stop()
        await asyncio.sleep(AWAY_SECONDS)
        self.child.start()
        await self.child.wait_ready(START_SECONDS)

    async def broker_is_killed(self) -> None:
        self.node.kill()
        await asyncio.sleep(AWAY_SECONDS)
        self.node.launch()
        await asyncio.to_thread(self.node.wait_until_it_speaks)


async def _emit(tx: Transaction, number: int) -> str:
    application_id = f"app_{number % SUBJECTS}"
    if number % TOLD_TO_PEOPLE_EVERY == 0:
        asked = PermissionRequested(
            permission_id=f"prm_{number}",
            organization_id="org_asking",
            provider_id=OWN,
            application_id=application_id,
            product_id="prd_1",
            status="REQUESTED",
            operations=None,
            valid_from=None,
            valid_to=None,
            quota_calls=None,
            quota_period=None,
            reason=None,
        )
        return await tx.emit(asked, subject=asked.permission_id, organization="org_asking", audience=["org_asking", OWN])
    fact = ApplicationChanged(application_id=application_id, organization_id=OWN, name=f"Name {number}", client_id="cli_1")
    return await tx.emit(fact, subject=application_id, organization=OWN, audience=[OWN])


@pytest.fixture
async def stream(mongo_url: str, make_store: Any, tmp_path: Path) -> AsyncIterator[Stream]:
    keys = tmp_path / "keys"
    make_keys(keys)
    make_missing_keys(keys)
    async with AsyncExitStack() as stack:
        node = RabbitNode()
        stack.callback(node.remove)
        node.start()
        mail = Inbox()
        await mail.open()
        stack.push_async_callback(mail.close)
        environment = {
            "PORTICO_MONGO_URL": mongo_url,
            "PORTICO_RABBITMQ_URL": node.url,
            "PORTICO_DATABASE_PREFIX": f"told_{os.getpid()}_{tmp_path.name}_",
            "PORTICO_KEYS_DIR": str(keys),
            "PORTICO_PORT": "0",
            "PORTICO_NOTIFICATIONS_WEBHOOK_LOOPBACK": "true",
            "PORTICO_NOTIFICATIONS_SHARED_KEY_FILE": str(keys / "notices.key"),
            "PORTICO_NOTIFICATIONS_SMTP_PORT": str(mail.port),
            "PYTHONPATH": str(ROOT),
        }
        command = (sys.executable, *serve.command("notifications"))
        output = tmp_path / "notifications.log"
        child = Child(Program("notifications", command, output, ready=LISTENS, environment=environment))
        child.start()
        stack.push_async_callback(child.stop)
        found = await child.wait_ready(START_SECONDS)
        assert found is not None
        receiver = Receiver()
        await receiver.up()
        stack.push_async_callback(receiver.down)
        secret = await _create(found.group(1), keys, receiver.url)
        store = make_store("identity")
        await _relay(store, node.url, stack)
        told = Store(store.client, f"{environment['PORTICO_DATABASE_PREFIX']}notifications", store.clock)
        running = Stream(node, child, receiver, mail, store, told, keys, secret)
        await running.is_known("usr_1")
        yield running


async def _relay(store: Store, url: str, stack: AsyncExitStack) -> None:
    await store.ensure_indexes(outbox.INDEXES)
    bus = RabbitBus(url)
    await bus.start()
    stack.push_async_callback(bus.close)
    relay = Relay("identity", store, bus)
    await relay.start()
    stack.push_async_callback(relay.close)


async def _create(address: str, keys: Path, url: str) -> str:
    """Make the webhook as its organization's Owner does; return its secret."""
    headers = {HEADER: make_passport(keys, "usr_1", organizations={OWN: "OWNER"})}
    body = {"organization_id": OWN, "url": url, "event_types": ["identity.*", "subscriptions.*"]}
    async with httpx.AsyncClient(timeout=60) as http:
        answer = await http.post(f"{address}/do/create_webhook", json=body, headers=headers)
    assert answer.status_code == 200, answer.text
    return str(answer.json()["result"]["secret"])


async def test_every_fact_arrives_once_in_effect_though_everything_in_between_goes_away(stream: Stream) -> None:
    announcing = asyncio.create_task(stream.announce())
    await stream.arrived(0.1)
    await stream.receivers_go_away()
    await stream.arrived(0.3)
    await stream.sender_is_killed()
    await stream.arrived(0.5)
    await stream.broker_is_killed()
    await stream.arrived(0.7)
    await stream.receivers_go_away()
    await stream.sender_is_killed()
    await announcing
    await stream.arrived(1.0)
    assert len(set(stream.facts)) == FACTS
    assert set(stream.receiver.ids) == set(stream.facts)
    await stream.everybody_is_told()
    foreign = ForeignReceiver(stream.secret)
    for got in stream.receiver.got[-50:]:
        assert foreign.verify(got.body.decode(), got.headers) == got.event
    again = len(stream.receiver.ids) - FACTS
    log("told-all-the-same").info("every fact has arrived", facts=FACTS, came_again_under_the_same_id=again)
