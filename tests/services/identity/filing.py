"""What tests of onboarding stand on: an operator, organizations that ask to be onboarded, files that are sent."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any
from urllib.parse import quote

import orjson

from chassis.calls import Answer, Call
from chassis.principal import ALGORITHM, AUDIENCE, HEADER, ISSUER, TYPE
from services.identity.keys import Signer
from tests.services.identity.world import OPERATOR, Person, Said, World

PDF = (
    b"%PDF-1.7\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj 2 0 obj<</Type/Pages/Kids[]/Count 0>>endobj\n"
    b"trailer<</Root 1 0 R>>\n%%EOF\n"
)


def form(**more: Any) -> dict[str, Any]:
    """Return a form that is complete; what is given as None is left out."""
    filled: dict[str, Any] = {
        "legal_name": "SIA Grāmata",
        "registration_number": "40003 123456",
        "address": "Alberta iela 10, Rīga, LV-1010",
        "country": "lv",
        "email": "office@gramata.example",
        "phone": "+371 6700 0000",
        "contact": {"name": "Anna Bērziņa", "email": "anna@gramata.example", "position": "Architect"},
        "contact_role": "DEVELOPER",
        "provider_contact": {"name": "Pēteris Kalns", "email": "peteris@provider.example"},
        "purpose": "To check who lives where.",
        "services_text": "The register of addresses",
        **more,
    }
    return {name: value for name, value in filled.items() if value is not None}


@dataclass
class Sent:
    """What came back for a file."""

    answer: Answer

    @property
    def status(self) -> int:
        return self.answer.status

    @property
    def body(self) -> Any:
        return orjson.loads(self.answer.body)

    @property
    def id(self) -> str:
        assert self.status == 200, self.answer.body
        return str(self.body["result"]["id"])

    @property
    def without_trace(self) -> tuple[int, Any]:
        return self.status, {key: value for key, value in self.body.items() if key != "trace_id"}


async def send(world: World, by: Person | None, content: bytes = PDF, name: str = "request.pdf", **headers: str) -> Sent:
    """Upload a file."""
    return await _ask(world, by, Call("identity", "/files", content, {"portico-file-name": quote(name)} | headers))


async def fetch(world: World, by: Person | None, file_id: str) -> Sent:
    """Download a file."""
    return await _ask(world, by, Call("identity", f"/files/{file_id}", b"", {}, "GET"))


async def _ask(world: World, by: Person | None, call: Call) -> Sent:
    for _ in range(3):
        headers = {HEADER: await world.passport(by) if by else await world.visitor()} | dict(call.headers)
        sent = Sent(await world.caller.call(replace(call, headers=headers, timeout_seconds=120)))
        if by is None or sent.status != 401 or sent.body["code"] != "PASSPORT_OUTDATED":
            break
        by.passports.clear()
    return sent


async def staff(world: World, platform_role: str = "OPERATOR_ADMINISTRATOR") -> Person:
    """Return somebody else of the operator's staff: with a passport as identity would sign it for the role."""
    person = await world.someone("Second of the Bureau")
    moment = int(world.clock.now().timestamp())
    claims = {"iss": ISSUER, "aud": AUDIENCE, "sub": person.user_id, "sid": "ses_staff", "iat": moment, "exp": moment + 60}
    rights = {"organizations": {}, "grants": {}, "platform_roles": [platform_role], "rights_version": 1000}
    passport = Signer(world.folder / "keys" / "passport.private.json", ALGORITHM).sign(TYPE, claims | rights)
    person.passports.append((world.clock.now() + timedelta(seconds=55), passport))
    return person


class Bureau:
    """An identity with an operator, in which organizations ask to be onboarded."""

    def __init__(self, world: World, operator: Person, signing: Any = None) -> None:
        self.world = world
        self.operator = operator
        self.signing = signing

    @classmethod
    async def open(cls, world: World) -> "Bureau":
        return cls(world, await world.someone("Head of the Bureau", OPERATOR))

    async def do(self, verb: str, by: Person | None, **given: Any) -> Said:
        return await self.world.do(f"{verb}_onboarding_request", by, **given)

    async def draft(self, by: Person, organization_id: str, **more: Any) -> str:
        said = await self.do("draft", by, organization_id=organization_id, form=form(**more))
        return str(said.result["id"])

    async def attach(self, by: Person, request_id: str, content: bytes = PDF, name: str = "request.pdf") -> Any:
        file_id = (await send(self.world, by, content, name)).id
        return (await self.world.do("attach_signed_document", by, request_id=request_id, file_id=file_id)).result

    async def submitted(self, by: Person, organization_id: str, **more: Any) -> str:
        """Return a request that is with the operator, with a document that nobody signed."""
        request_id = await self.draft(by, organization_id, **more)
        await self.attach(by, request_id)
        assert (await self.do("submit", by, request_id=request_id)).result["status"] == "SUBMITTED"
        return request_id

    async def recorded(self, channel: str = "PAPER", **more: Any) -> str:
        """Return a request that came on paper."""
        return str((await self.record(channel, **more)).result["id"])

    async def record(self, channel: str = "PAPER", **more: Any) -> Said:
        file_id = (await send(self.world, self.operator)).id
        given = {"received_at": "2026-01-02T10:00:00Z", "language": "LV", "channel": channel, "file_id": file_id}
        return await self.do("record", self.operator, form=form(**more), **given)

    async def see(self, request_id: str, by: Person | None) -> Any:
        return (await self.world.load("onboarding_requests_by_id", [request_id], by)).rows[0]

    async def facts(self, request_id: str, count: int) -> list[tuple[str, Mapping[str, Any]]]:
        """Return what was announced about a request: that which everybody may read."""
        facts = await self.world.facts_about(request_id, count)
        return [
            (each.key.split(".")[1], {k: v for k, v in each.data.items() if k not in ("legal_name", "sealed_told")})
            for each in facts
        ]
