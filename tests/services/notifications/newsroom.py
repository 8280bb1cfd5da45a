"""Notifications as it runs, on a real database, bus and mail server; and what others announce to it."""

import asyncio
import itertools
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime
from email.message import EmailMessage
from pathlib import Path
from typing import Any

from chassis.bus import Message, Reaction
from chassis.local import LocalBus
from chassis.messages import to_timestamp
from chassis.mongo import Store
from services.identity.keys import SharedSeal, make_missing_keys
from services.notifications.main import build
from services.notifications.reactions import COPIES
from services.notifications.settings import NotificationsSettings
from tests.passports import GRANTS, ROLES, make_passport, make_verifier
from tests.services.mail_server import Inbox, MovingClock
from tests.services.stage import Person, Stage, envelope

MANAGING, DEVELOPING = {"OWNER", "ADMINISTRATOR"}, {"OWNER", "ADMINISTRATOR", "DEVELOPER"}
IDS = {"permission_id": "prm_1", "subscription_id": "sub_1", "request_id": "cnr_1", "agreement_id": "agr_1"}
INFORMING = "notifications.inform_people"
OURS = {INFORMING, *(on.queue_of("notifications") for on in COPIES)}
ACTOR = "system:subscriptions.timekeeper"

_numbers = itertools.count(1)


@dataclass
class Reader:
    """Somebody who was announced: may ask, and has an address."""

    user_id: str
    email: str
    stage: Stage
    organizations: dict[str, str] = field(default_factory=dict)

    @property
    def person(self) -> Person:
        """Whoever asks now: a passport lives for a minute."""
        passport = make_passport(self.stage.keys, self.user_id, organizations=self.organizations, platform_roles=())
        return Person(self.stage, passport)

    async def inbox(self, **args: Any) -> dict[str, Any]:
        [row] = (await self.person.load("inbox_of_viewer", ["me"], **args)).rows
        return dict(row)

    async def notices(self, **args: Any) -> list[dict[str, Any]]:
        return list((await self.inbox(**args))["nodes"])


class Newsroom:
    """One service of notifications with everything around it; the relay, the reactions and the postman run."""

    def __init__(self, store: Store, folder: Path, clock: MovingClock) -> None:
        self.store = store
        self.folder = folder
        self.clock = clock
        self.mail = Inbox()
        self.people: dict[str, Reader] = {}
        self._sequences: Counter[str] = Counter()

    async def start(self) -> None:
        await self.mail.open()
        make_missing_keys(self.folder / "keys")
        self.seal = SharedSeal(self.folder / "keys" / "notices.key")
        await self.start_service()

    async def start_service(self) -> None:
        """Start the service, anew where it has ended before."""
        self.bus = LocalBus(self.folder / "bus.sqlite")
        await self.bus.start()
        self.settings = NotificationsSettings(
            shared_key_file=self.folder / "keys" / "notices.key", smtp_port=self.mail.port, portal_url="http://portal.example/"
        )
        self.service = build(self.settings, self.bus, self.store, make_verifier(self.folder / "passports"))
        self.stage = Stage(self.service, self.folder / "passports")
        await self.service.declare()
        await self.service.start()

    async def close_service(self) -> None:
        await self.service.close()
        await self.bus.close()

    async def close(self) -> None:
        await self.close_service()
        await self.mail.close()

    def announcement(self, key: str, subject: str, data: dict[str, Any], *, at: datetime | None = None, **around: str) -> Message:
        """Return the next announcement about a subject."""
        self._sequences[subject] += 1
        around = {"time": to_timestamp(at or self.clock.now()), "actor": ACTOR, **around}
        return envelope(key, subject, self._sequences[subject], data, **around)

    def reactions(self) -> list[Reaction]:
        """Return the reactions that know and inform people; what else listens here has tests of its own."""
        return [each for each in self.service.wired_reactions() if each.queue in OURS]

    async def hear(self, *messages: Message) -> None:
        for message in messages:
            for reaction in self.reactions():
                if message.key in reaction.keys:
                    await reaction.handle(message)

    async def copy(self, *messages: Message) -> None:
        """Let announcements be remembered, and nobody be told of them."""
        for message in messages:
            for reaction in self.reactions():
                if message.key in reaction.keys and reaction.queue != INFORMING:
                    await reaction.handle(message)

    def roles(self) -> Message:
        table = {role: list(GRANTS[role]) for role in ROLES}
        return self.announcement("identity.roles_described.v1", "roles", {"actions_by_role": table})

    def reachable(
        self, user_id: str, email: str, *, name: str = "Anna", language: str = "en", roles: tuple[str, ...] = ()
    ) -> Message:
        data = {"user_id": user_id, "name": name, "language": language, "platform_roles": list(roles)}
        sealed = self.seal.close(email, user_id)
        return self.announcement("identity.user_reachable.v1", user_id, {**data, "sealed_address": sealed})

    def person(self, user_id: str, email: str, **organizations: str) -> Reader:
        """Return somebody who may ask, in these roles."""
        reader = Reader(user_id, email, self.stage, organizations)
        self.people[email] = reader
        return reader

    async def someone(
        self, name: str = "Anna", *, language: str = "en", roles: tuple[str, ...] = (), of: dict[str, str] | None = None
    ) -> Reader:
        """Return somebody whose account was announced; ``roles`` are those on the platform itself."""
        number = next(_numbers)
        reader = self.person(f"usr_{number}", f"person{number}@example.com", **(of or {}))
        await self.hear(self.reachable(reader.user_id, reader.email, name=name, language=language, roles=roles))
        return reader

    def organization_created(self, organization_id: str, name: str, owner_id: str) -> list[Message]:
        told = {"organization_id": organization_id, "name": name, "is_test": False, "owner_id": owner_id}
        return [
            self.announcement("identity.organization_created.v1", organization_id, told),
            self.joined(organization_id, owner_id, "OWNER"),
        ]

    def joined(self, organization_id: str, user_id: str, role: str) -> Message:
        told = {"organization_id": organization_id, "user_id": user_id, "role": role}
        return self.announcement("identity.member_joined.v1", organization_id, told)

    async def team(self, organization_id: str, name: str) -> dict[str, Reader]:
        """Return the members of a new organization, one in each role."""
        members = {role: await self.someone(role.title(), of={organization_id: role}) for role in ROLES}
        await self.hear(*self.organization_created(organization_id, name, members["OWNER"].user_id))
        await self.hear(*(self.joined(organization_id, members[role].user_id, role) for role in ROLES[1:]))
        return members

    async def mails(self, count: int, before: int = 0) -> list[EmailMessage]:
        """Return the mails after the first ``before``, once there are so many."""
        async with asyncio.timeout(120):
            while len(self.mail.mails) < before + count:  # noqa: ASYNC110 - the mail server is elsewhere
                await asyncio.sleep(0.02)
        return self.mail.mails[before:]

    async def until_kept(self, count: int, collection: str = "notices", query: dict[str, Any] | None = None) -> None:
        """Wait until so many documents are kept."""

        async def is_so() -> bool:
            return await self.kept(collection, query) >= count

        await until(is_so)

    async def kept(self, collection: str, query: dict[str, Any] | None = None) -> int:
        return await self.store.reader().collection(collection).count_documents(query or {})


async def until(is_so: Callable[[], Awaitable[bool]]) -> None:
    """Wait until something is so: it happens elsewhere, in its own time."""
    async with asyncio.timeout(300):
        while not await is_so():  # noqa: ASYNC110 - nobody here hears of it
            await asyncio.sleep(0.05)


def text_of(mail: EmailMessage) -> str:
    """Return what a mail says in plain text."""
    body = mail.get_body(("plain",))
    assert body is not None
    return str(body.get_content()).replace("\r\n", "\n")


def html_of(mail: EmailMessage) -> str:
    """Return what a mail says in HTML."""
    body = mail.get_body(("html",))
    assert body is not None
    return str(body.get_content())


@dataclass
class Portal:
    """A recipient and a provider with a member in each role, the operator's staff, and who got which letter."""

    room: Newsroom
    recipient: dict[str, Reader]
    provider: dict[str, Reader]
    staff: dict[str, Reader]
    strangers: list[Reader]

    @classmethod
    async def open(cls, room: Newsroom) -> "Portal":
        await room.hear(room.roles())
        recipient, provider = await room.team("org_recipient", "Acme"), await room.team("org_provider", "Register")
        staff = {"operator": await room.someone("Head", roles=("OPERATOR_ADMINISTRATOR",))}
        for role in ("BUSINESS_REPRESENTATIVE", "SECURITY_OFFICER", "SUPPORT"):
            staff[role] = await room.someone(role.title(), roles=(role,))
        application = {"application_id": "app_1", "organization_id": "org_recipient", "name": "Finder", "client_id": "c"}
        product = {"product_id": "prd_zoo", "organization_id": "org_provider", "slug": "zoo", "title": "Zoo of Rīga"}
        await room.hear(
            room.announcement("identity.application_created.v1", "app_1", application),
            room.announcement("catalog.product_created.v1", "prd_zoo", {**product, "sensitivity": "CONFIDENTIAL"}),
        )
        return cls(room, recipient, provider, staff, [await room.someone("Stranger"), await room.someone("Other stranger")])

    @property
    def everybody(self) -> dict[str, str]:
        people = {f"recipient {role}": person for role, person in self.recipient.items()}
        people |= {f"provider {role}": person for role, person in self.provider.items()}
        people |= {f"stranger {number}": person for number, person in enumerate(self.strangers)} | self.staff
        return {person.email: name for name, person in people.items()}

    def news(self, fact: str, *, service: str = "subscriptions", by: Reader | str | None = None, **more: Any) -> Message:
        data = {
            **IDS,
            "organization_id": "org_recipient",
            "provider_id": "org_provider",
            "application_id": "app_1",
            "product_id": "prd_zoo",
            **more,
        }
        actor = by.user_id if isinstance(by, Reader) else by or ACTOR
        return self.room.announcement(f"{service}.{fact}.v1", f"{fact}_{next(_numbers)}", data, actor=actor)

    async def tell(self, *messages: Message) -> dict[str, EmailMessage]:
        """Let announcements be heard; return the letters by the name of who got them."""
        before, count = len(self.room.mail.mails), await self.room.kept("mails")
        await self.room.hear(*messages)
        letters = await self.room.mails(await self.room.kept("mails") - count, before)
        return {self.everybody[mail["To"]]: mail for mail in letters}


def recipients(*roles: str) -> set[str]:
    return {f"recipient {role}" for role in roles}


def providers(*roles: str) -> set[str]:
    return {f"provider {role}" for role in roles}
