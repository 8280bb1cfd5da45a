"""Identity as it runs, on a real database and bus, asked over its own HTTP; and the people who ask."""

import asyncio
import itertools
import re
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import orjson

from chassis.calls import AsgiCaller, Call
from chassis.local import LocalBus
from chassis.messages import Heard, read
from chassis.mongo import Store
from chassis.principal import HEADER, KeyRing, PassportVerifier
from services.identity.keys import NOTICES_KEY, Seal, SharedSeal, make_missing_keys
from services.identity.mail.actions import AddressBook, PostOffice
from services.identity.main import build
from services.identity.settings import IdentitySettings
from services.notifications.sealing import shared_seal
from tests.services.mail_server import Inbox, MovingClock

PASSWORD = "a long walk by the river"
OPERATOR = "head@operator.example"
REACHABLE = "identity.user_reachable.v1"
ROLES = ("OWNER", "ADMINISTRATOR", "DEVELOPER", "OBSERVER")
_numbers = itertools.count(1)


def token_in(mail: EmailMessage) -> str:
    found = re.search(r"#token=(\w+)", mail.get_content())
    assert found is not None, mail.get_content()
    return found.group(1)


def post_office(keys: Path, portal_url: str = "http://portal") -> PostOffice:
    """Return the post office of another process with these keys."""
    return PostOffice(portal_url, Seal(keys / "mail.key"), AddressBook(SharedSeal(keys / NOTICES_KEY)))


@dataclass
class Person:
    """Somebody with an account and a session."""

    email: str
    user_id: str
    token: str
    passports: list[tuple[datetime, str]] = field(default_factory=list)


@dataclass
class Team:
    """An organization with a member in each role, and a stranger with an organization of their own."""

    organization_id: str
    members: dict[str, Person]
    stranger: Person
    stranger_organization_id: str


@dataclass
class Said:
    """What identity answered."""

    status: int
    body: Any

    @property
    def result(self) -> Any:
        assert self.status == 200, self.body
        return self.body["result"]

    @property
    def rows(self) -> Any:
        assert self.status == 200, self.body
        return self.body["rows"]

    @property
    def code(self) -> str:
        return str(self.body.get("code"))

    @property
    def fields(self) -> list[str]:
        return [each["field"] for each in self.body["fields"]]

    @property
    def without_trace(self) -> tuple[int, Any]:
        return self.status, {key: value for key, value in self.body.items() if key != "trace_id"}


class World:
    """One identity service with everything around it."""

    def __init__(self, store: Store, folder: Path, clock: MovingClock, **settings: Any) -> None:
        self.store = store
        self.folder = folder
        self.clock = clock
        self.inbox = Inbox()
        self.heard: list[Heard] = []
        self._settings = settings

    async def start(self) -> None:
        await self.inbox.open()
        make_missing_keys(self.folder / "keys")
        self.shared_seal = shared_seal(self.folder / "keys" / NOTICES_KEY)
        self.settings = IdentitySettings(
            keys_dir=self.folder / "keys", smtp_port=self.inbox.port, operator_emails=f"{OPERATOR}, ", **self._settings
        )
        self.bus = LocalBus(self.folder / "bus.sqlite")
        await self.bus.start()
        ring = KeyRing(self.folder / "keys" / "passport.public.json")
        self.verifier = PassportVerifier(ring, now=lambda: self.clock.now().timestamp())
        self.service = build(self.settings, self.bus, self.store, self.verifier)
        await self.service.declare()
        self.listener = await self.bus.listen(("identity.#",), self._hear)
        await self.service.start()
        self.caller = AsgiCaller({"identity": self.service.app})

    async def close(self) -> None:
        await self.service.close()
        await self.listener.close()
        await self.bus.close()
        await self.inbox.close()

    async def _hear(self, message: Any) -> None:
        self.heard.append(read(message.body))

    async def facts_about(self, subject: str, count: int) -> list[Heard]:
        """Return the first facts about a thing, in order, once there are so many; that a user is reachable is told beside."""
        for _ in range(500):
            about = sorted(
                (each for each in self.heard if each.subject == subject and each.key != REACHABLE),
                key=lambda each: each.sequence,
            )
            if len(about) >= count:
                return about
            await asyncio.sleep(0.02)
        raise AssertionError(f"{len(about)} facts about {subject}: {[each.key for each in about]}")

    async def told(self, request_id: str, fact: str, count: int = 1) -> dict[str, Any]:
        """Return what the newest announcement of a kind about a request tells notifications alone, once there are so many."""
        async with asyncio.timeout(60):
            while True:
                about = [each for each in self.heard if each.subject == request_id and f".{fact}." in each.key]
                if len(about) >= count:
                    break
                await asyncio.sleep(0.02)
        newest = max(about, key=lambda each: each.sequence)
        opened: dict[str, Any] = orjson.loads(self.shared_seal.open(newest.data["sealed_told"], request_id))
        return opened

    async def ask(self, path: str, body: Any, by: Person | None) -> Said:
        """Ask as the gateway does: with a passport, and once more with a new one where that is outdated."""
        for _ in range(3):
            headers = {HEADER: await self.passport(by) if by else await self.visitor()}
            answer = await self.caller.call(Call("identity", path, orjson.dumps(body), headers, timeout_seconds=120))
            said = Said(answer.status, orjson.loads(answer.body))
            if by is None or said.status != 401 or said.code != "PASSPORT_OUTDATED":
                break
            by.passports.clear()
        return said

    async def visitor(self) -> str:
        """Return the passport of nobody."""
        return str((await self.without_passport("issue_visitor_passport")).result["passport"])

    async def without_passport(self, verb: str, **given: Any) -> Said:
        answer = await self.caller.call(Call("identity", f"/do/{verb}", orjson.dumps(given), timeout_seconds=120))
        return Said(answer.status, orjson.loads(answer.body))

    async def do(self, verb: str, by: Person | None = None, /, **given: Any) -> Said:
        return await self.ask(f"/do/{verb}", given, by)

    async def load(self, name: str, keys: list[Any], by: Person | None = None, **args: Any) -> Said:
        return await self.ask(f"/load/{name}", {"keys": keys, "args": args}, by)

    async def passport(self, by: Person) -> str:
        """Return a passport that is good for a while (so it may be as old as a gateway's)."""
        if by.passports and by.passports[-1][0] > self.clock.now() + timedelta(seconds=2):
            return by.passports[-1][1]
        said = (await self.without_passport("issue_passport", token=by.token)).result
        by.passports.append((datetime.fromisoformat(said["expires_at"]), said["passport"]))
        return by.passports[-1][1]

    async def someone(self, name: str = "Somebody", email: str | None = None) -> Person:
        """Return a new person who has registered, confirmed and signed in."""
        email = email or f"person{next(_numbers)}@example.com"
        assert (await self.do("register", email=email, password=PASSWORD, name=name)).status == 200
        user_id = (await self.do("verify_email", token=token_in(await self.inbox.newest_to(email)))).result["user_id"]
        token = (await self.do("sign_in", email=email, password=PASSWORD)).result["token"]
        return Person(email, user_id, token)

    async def organization(self, owner: Person, name: str = "Acme") -> str:
        return str((await self.do("create_organization", owner, name=name)).result["id"])

    async def join(self, organization_id: str, owner: Person, person: Person, role: str) -> None:
        said = await self.do("invite_member", owner, organization_id=organization_id, email=person.email, role=role)
        accepted = await self.do("accept_invitation", person, invitation_id=said.result["id"])
        assert accepted.status == 200, accepted.body

    async def team(self) -> Team:
        members = {role: await self.someone(role.title()) for role in ROLES}
        organization_id = await self.organization(members["OWNER"])
        for role in ROLES[1:]:
            await self.join(organization_id, members["OWNER"], members[role], role)
        stranger = await self.someone("Stranger")
        return Team(organization_id, members, stranger, await self.organization(stranger, "Elsewhere"))

    async def application(self, organization_id: str, by: Person, name: str = "Robot") -> tuple[str, str, str]:
        """Return a new application's id, Client ID and secret."""
        said = (await self.do("create_application", by, organization_id=organization_id, name=name)).result
        return said["application"]["id"], said["application"]["client_id"], said["client_secret"]
