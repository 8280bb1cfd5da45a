"""What a service does when it announces: an outbox in the real database, relayed to the real broker."""

import asyncio
from collections.abc import Sequence
from typing import Any

from chassis.bus import BusUnavailable, Message
from chassis.ids import new_id
from chassis.messages import Circumstances, Event, envelope, to_bytes
from chassis.mongo import Store, Transaction
from chassis.outbox import INDEXES, Relay
from chassis.principal import system
from chassis.rabbit import RabbitBus
from services.identity.events import (
    ApplicationChanged,
    ApplicationCreated,
    ApplicationDeleted,
    OrganizationRenamed,
    SecretIssued,
)
from tests.examples.consuming import PATIENCE_SECONDS

Row = dict[str, Any]


class Announcer:
    """Announces what happens to applications, and knows what a consumer must come to know of it."""

    def __init__(self, store: Store, url: str) -> None:
        self._store = store
        self._bus = RabbitBus(url)
        self._relay = Relay("identity", store, self._bus)
        self._known: dict[str, Row] = {}
        self.organization = new_id("org")

    async def start(self) -> None:
        await self._store.ensure_indexes(INDEXES)
        await self._bus.start()

    async def close(self) -> None:
        await self._bus.close()

    @property
    def expected(self) -> list[Row]:
        """Return the applications there are, by id."""
        return [self._known[each] for each in sorted(self._known)]

    async def live(self, name: str, *, renames: int = 2, ends: bool = False) -> str:
        """Let an application live: it is made, gets a secret, is renamed, and perhaps ends. Nothing is announced yet."""
        row = {"id": new_id("app"), "organization_id": self.organization, "name": name, "client_id": new_id("pci")}
        about = {"application_id": row["id"], "organization_id": row["organization_id"], "client_id": row["client_id"]}
        facts: list[Event] = [ApplicationCreated(**about, name=name), SecretIssued(**about, secret_id=new_id("sec"))]
        for number in range(renames):
            row["name"] = f"{name}, renamed {number + 1}"
            facts.append(ApplicationChanged(**about, name=row["name"]))
        if ends:
            facts.append(ApplicationDeleted(**about))
        await self._emit(row["id"], facts)
        if not ends:
            self._known[row["id"]] = row
        return str(row["id"])

    async def rename_organization(self) -> None:
        """Let something happen that is about no application."""
        await self._emit(self.organization, [OrganizationRenamed(organization_id=self.organization, name="Otherwise")])

    async def _emit(self, subject: str, facts: Sequence[Event]) -> None:
        async def work(tx: Transaction) -> None:
            for fact in facts:
                await tx.emit(fact, subject=subject, organization=self.organization, audience=[self.organization])

        await self._store.transact(system("tests"), work)

    async def relay(self) -> None:
        """Announce what is in the outbox."""
        await self._certainly(self._relay_all())

    async def _relay_all(self) -> None:
        while await self._relay.relay_batch():
            pass

    async def rows(self, subject: str | None = None) -> list[Row]:
        """Return the outbox's rows in their order."""
        query = {} if subject is None else {"subject": subject}
        return await self._store.reader().collection("outbox").find(query, sort=[("_id", 1)])

    async def announce_again(self, rows: Sequence[Row]) -> None:
        """Announce rows once more, in the order given, as a relay that died before it marked them, or a replay, does."""
        messages = [Message(str(row["_id"]), str(row["key"]), bytes(row["body"])) for row in rows]
        await self._certainly(self._publish(messages))

    async def hold_back(self, rows: Sequence[Row]) -> None:
        """Let rows look as if they had been sent, though nobody ever got them."""
        ids = [row["_id"] for row in rows]
        await (
            self._store.reader()
            .collection("outbox")
            .update_many({"_id": {"$in": ids}}, {"$set": {"sent_at": self._store.clock.now()}})
        )

    async def state_anew(self, subject: str, sequence: int, fact: Event) -> None:
        """State how a thing is, as republishing does; the id is the same as often as the same is stated."""
        around = Circumstances(subject=subject, sequence=sequence, time=self._store.clock.now(), organization=self.organization)
        body = to_bytes({**envelope(fact, f"evt_R{subject}{sequence}{fact.key}", around), "republished": True})
        await self.publish(fact.key, body)

    async def publish(self, key: str, body: bytes) -> None:
        """Publish anything under a key."""
        await self._certainly(self._publish([Message(new_id("evt"), key, body)]))

    async def _publish(self, messages: Sequence[Message]) -> None:
        assert all(await self._bus.publish(messages)), "nobody's queue takes it"

    async def _certainly(self, work: Any) -> None:
        async with asyncio.timeout(PATIENCE_SECONDS):
            await work

    async def reconnected(self) -> None:
        """Wait until the bus is connected again."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            while True:
                try:
                    await self._bus.publish([Message(new_id("evt"), "tests.nothing.v1", b"{}")])
                except BusUnavailable:
                    await asyncio.sleep(0.2)
                else:
                    return
