"""The stage of these tests: the real service on the real database, heard announcements, people with passports."""

import base64
import random
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson
import yaml

from chassis.bus import Message
from chassis.calls import Answer, AsgiCaller, Call
from chassis.service import Service
from services.catalog.main import Sandbox
from tests.passports import make_passport, make_visitor_passport
from tests.services import stage
from tests.services.stage import ACT

PROVIDER, OTHER, PLAIN = "org_provider", "org_other", "org_plain"
SPECS = Path(__file__).parents[4] / "shared" / "specs"
PLAN = {"name": "Basic", "rate_requests": 10, "rate_seconds": 1, "burst": 20, "approval": "AUTOMATIC"}


# A machine that does much else reads slowly.
PATIENT: dict[str, Any] = {"document_seconds": 60, "comparison_patience_seconds": 60}


@dataclass(frozen=True)
class Answered(stage.Answered):
    """What came back, and what it says of single fields."""

    @property
    def said(self) -> list[str]:
        return [f"{each['field']}: {each['message']}" for each in self.body["fields"]]


def announcement(fact: str, organization_id: str, sequence: int, **data: Any) -> Message:
    """Return what identity announces of an organization, as the bus carries it."""
    key = f"identity.{fact}.v1"
    wrapped = {
        "specversion": "1.0",
        "id": f"evt_{organization_id}_{sequence}",
        "source": "/services/identity",
        "type": f"portico.{key}",
        "subject": organization_id,
        "time": datetime.now(UTC).isoformat(),
        "sequence": sequence,
        "data": {"organization_id": organization_id, **data},
    }
    return Message(id=str(wrapped["id"]), key=key, body=orjson.dumps(wrapped))


def created(organization_id: str, name: str) -> Message:
    return announcement("organization_created", organization_id, 1, name=name, is_test=False, owner_id="usr_1")


def renamed(organization_id: str, name: str, sequence: int = 2) -> Message:
    return announcement("organization_renamed", organization_id, sequence, name=name)


@dataclass
class Person:
    """Somebody who asks."""

    stage: "Stage"
    passport: str

    async def do(self, verb: str, **body: Any) -> Answered:
        return await self.post(f"/do/{verb}", body)

    async def load(self, name: str, keys: list[Any], **args: Any) -> Answered:
        return await self.post(f"/load/{name}", {"keys": keys, "args": args})

    async def post(self, path: str, body: Any) -> Answered:
        headers = {"portico-passport": self.passport}
        call = Call(self.stage.service.name, path, orjson.dumps(body), headers, timeout_seconds=60)
        answer = await self.stage.caller.call(call)
        return Answered(answer.status, orjson.loads(answer.body))


@dataclass(frozen=True)
class Published:
    """A product that can be called."""

    product_id: str
    slug: str
    plan_id: str
    version: dict[str, Any]

    @property
    def version_id(self) -> str:
        return str(self.version["id"])


@dataclass
class Stage:
    """The catalogue and its sandbox, ready; what others announce is handed to its reactions one by one."""

    service: Service
    sandbox: Sandbox
    keys: Path

    @property
    def caller(self) -> AsgiCaller:
        return AsgiCaller({self.service.name: self.service.app, "sandbox": self.sandbox.app})

    def member(self, organization_id: str, role: str) -> Person:
        """Somebody with one role in one organization."""
        return Person(self, make_passport(self.keys, f"usr_{role}", organizations={organization_id: role}))

    @property
    def provider(self) -> Person:
        return self.member(PROVIDER, "DEVELOPER")

    @property
    def stranger(self) -> Person:
        return self.member(OTHER, "OWNER")

    @property
    def operator(self) -> Person:
        return Person(self, make_passport(self.keys, "usr_operator", platform_roles=["OPERATOR_ADMINISTRATOR"]))

    @property
    def anonymous(self) -> Person:
        return Person(self, make_visitor_passport(self.keys))

    async def hear(self, *announcements: Message) -> None:
        for message in announcements:
            for reaction in self.service.wired_reactions():
                if message.key in reaction.keys:
                    await reaction.handle(message)

    async def call(self, version_id: str, operation_id: str, *, method: str = "GET", **headers: str) -> Answer:
        """Call the sandbox as the data plane does after its check."""
        sent = {"x-portico-version": version_id, "x-portico-operation": operation_id, **headers}
        return await self.caller.call(Call("sandbox", "/any/path", b"", sent, method=method))

    async def announced(self) -> list[dict[str, Any]]:
        """Return what stands in the outbox, in order, but for the service's acts."""
        rows = await self.service.store.reader().collection("outbox").find({}, sort=[("_id", 1)])
        told = [orjson.loads(bytes(row["body"])) for row in rows]
        return [each for each in told if not each["type"].endswith(ACT)]

    async def facts(self, key: str) -> list[dict[str, Any]]:
        return [each["data"] for each in await self.announced() if each["type"] == f"portico.catalog.{key}.v1"]

    async def product(self, slug: str = "accounts", **body: Any) -> dict[str, Any]:
        """A product of the provider's."""
        wanted = {
            "title": slug.title(),
            "slug": slug,
            "summary": f"All about {slug}",
            "sensitivity": "STANDARD",
            "tags": [],
            **body,
        }
        return (await self.provider.do("create_product", organization_id=PROVIDER, **wanted)).result

    async def draft(self, product_id: str, document: Mapping[str, Any] | str | None = None, **body: Any) -> dict[str, Any]:
        """A draft version in a product."""
        text = document if isinstance(document, str) else orjson.dumps(document or small()).decode()
        return (await self.provider.do("import_api", product_id=product_id, document=text, **body)).result

    async def published(self, slug: str = "accounts", document: Mapping[str, Any] | str | None = None, **body: Any) -> Published:
        """A product with a plan and a published version."""
        product = await self.product(slug, **body)
        plan = (await self.provider.do("create_plan", product_id=product["id"], **PLAN)).result
        version = (await self.draft(product["id"], document))["version"]
        version = (await self.provider.do("publish_version", version_id=version["id"])).result
        return Published(product["id"], slug, plan["id"], version)


def small(**around: Any) -> dict[str, Any]:
    """A small document."""
    account = {
        "type": "object",
        "required": ["id", "balance"],
        "properties": {"id": {"type": "string", "example": "acc-1"}, "balance": {"type": "number", "minimum": 0}},
    }
    listed = {"description": "All", "content": {"application/json": {"schema": {"type": "array", "items": account}}}}
    one = {"description": "One", "content": {"application/json": {"schema": account}}}
    missing = {"description": "None", "content": {"application/problem+json": {"example": {"title": "No such account"}}}}
    parameter = {"name": "id", "in": "path", "required": True, "schema": {"type": "string"}}
    return {
        "openapi": "3.0.3",
        "info": {"title": "Account API", "version": "1.0"},
        "paths": {
            "/accounts": {"get": {"operationId": "listAccounts", "summary": "List accounts", "responses": {"200": listed}}},
            "/accounts/{id}": {"get": {"parameters": [parameter], "responses": {"200": one, "404": missing}}},
        },
        **around,
    }


def as_yaml(document: Mapping[str, Any]) -> str:
    return yaml.safe_dump(dict(document), sort_keys=False)


def random_text(size: int, seed: int = 1) -> str:
    """Text that cannot be compressed much."""
    return base64.b64encode(random.Random(seed).randbytes(size * 3 // 4)).decode()
