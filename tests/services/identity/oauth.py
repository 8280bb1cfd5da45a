"""The authorization server as its clients see it: applications, what they show of themselves, what they get."""

import base64
import itertools
import time
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, quote_plus, urlencode

import orjson
from joserfc import jws, jwt
from joserfc.jwk import ECKey, OKPKey, RSAKey

from chassis.calls import Answer, Call
from tests.services.identity.world import Person, World
from tests.services.stage import envelope

FORM = "application/x-www-form-urlencoded"
ISSUER = "http://127.0.0.1:8000"
ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
GRANT = {"grant_type": "client_credentials"}
Key = RSAKey | ECKey | OKPKey
_numbers = itertools.count(1)


class AnyAlgorithm(jws.JWSRegistry):
    """Signs with any algorithm and under any header, as foreign programs may."""

    def check_header(self, header: Any) -> None:
        pass

    def get_alg(self, name: str) -> Any:
        return self.algorithms[name]


@dataclass
class Client:
    """An application, its keys, and who may administer it."""

    world: World
    application_id: str
    organization_id: str
    client_id: str
    secret: str
    by: Person
    keys: list[Key] = field(default_factory=list)

    @property
    def basic(self) -> tuple[str, str]:
        return self.client_id, self.secret

    async def post(self, path: str, given: dict[str, Any], **how: Any) -> Answer:
        return await post(self.world, path, given, basic=self.basic, **how)

    async def token(self, **given: str) -> str:
        """Return a new access token."""
        said = read(await self.post("/oauth/token", {**GRANT, **given}))
        return str(said["access_token"])

    async def introspect(self, token: str) -> dict[str, Any]:
        answer = await self.post("/oauth/introspect", {"token": token})
        assert (answer.status, answer.headers["cache-control"]) == (200, "no-store")
        return read(answer)

    async def revoke(self, token: str) -> Answer:
        return await self.post("/oauth/revoke", {"token": token})

    async def register_key(self, key: Key, **members: Any) -> dict[str, Any]:
        """Register a key of this client's and return what is known of it."""
        jwk = orjson.dumps({**key.as_dict(private=False), **members}).decode()
        said = await self.world.do("register_client_key", self.by, application_id=self.application_id, jwk=jwk)
        result: dict[str, Any] = said.result
        self.keys.append(key)
        return result

    def assertion(self, key: Key, algorithm: str, header: dict[str, Any] | None = None, **claims: Any) -> dict[str, str]:
        """Return the parameters of a client assertion; a claim that is None is left out."""
        return assertion(self.client_id, key, algorithm, header, **claims)


def assertion(client_id: str, key: Any, algorithm: str, header: dict[str, Any] | None = None, **claims: Any) -> dict[str, str]:
    now = int(time.time())
    whole = {"iss": client_id, "sub": client_id, "aud": ISSUER, "exp": now + 60, "iat": now, "jti": f"jti-{next(_numbers)}"}
    whole = {name: value for name, value in {**whole, **claims}.items() if value is not None}
    head = {name: value for name, value in {"alg": algorithm, "typ": "JWT", **(header or {})}.items() if value is not None}
    signed = jwt.encode(head, whole, key, registry=AnyAlgorithm(algorithms=[algorithm]))
    return {"client_assertion_type": ASSERTION_TYPE, "client_assertion": signed}


async def client(world: World, organization_id: str, by: Person, name: str | None = None) -> Client:
    """Return a new application."""
    made = await world.application(organization_id, by, name or f"Client {next(_numbers)}")
    application_id, client_id, secret = made
    return Client(world, application_id, organization_id, client_id, secret, by)


async def post(
    world: World,
    path: str,
    given: dict[str, Any] | bytes,
    *,
    basic: tuple[str, str] | None = None,
    certificate: str | None = None,
) -> Answer:
    """Post a form; ``certificate`` is what the door for mutual TLS adds (PEM)."""
    headers = {"content-type": FORM}
    if basic:
        pair = ":".join(quote_plus(part) for part in basic)
        headers["authorization"] = "Basic " + base64.b64encode(pair.encode()).decode()
    if certificate is not None:
        headers["portico-client-certificate"] = quote(certificate, safe="")
    body = given if isinstance(given, bytes) else urlencode(given).encode()
    return await world.caller.call(Call("identity", path, body, headers, timeout_seconds=120))


def read(answer: Answer) -> dict[str, Any]:
    """Return the document of an answer that is well."""
    assert answer.status == 200, answer.body
    document: dict[str, Any] = orjson.loads(answer.body)
    return document


def error_of(answer: Answer) -> tuple[int, str]:
    """Return the status and the error of a refusal."""
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["content-type"] == "application/json"
    document = orjson.loads(answer.body)
    assert set(document) == {"error", "error_description"}
    return answer.status, document["error"]


def claims_of(token: str) -> dict[str, Any]:
    """Return what a token says, unverified."""
    part = token.split(".")[1]
    claims: dict[str, Any] = orjson.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    return claims


@dataclass
class Product:
    """A product that others have announced."""

    world: World
    id: str
    slug: str
    provider_id: str
    _sequence: int = 0

    async def subscribe(self, application_id: str, status: str = "ACTIVE", subscription_id: str | None = None) -> str:
        """Announce a subscription of an application, or a change of one."""
        fact = {"ACTIVE": "activated", "PENDING": "requested", "CANCELLED": "cancelled", "REJECTED": "rejected"}[status]
        subscription_id = subscription_id or f"sub_{next(_numbers)}"
        self._sequence += 1
        data = {
            "subscription_id": subscription_id,
            "application_id": application_id,
            "organization_id": "org_x",
            "product_id": self.id,
            "plan_id": "pln_x",
            "provider_id": self.provider_id,
            "status": status,
            "reason": None,
        }
        key = f"subscriptions.subscription_{fact}.v1"
        await self.world.bus.publish([envelope(key, subscription_id, self._sequence, data)])
        return subscription_id


async def product(
    world: World, provider_id: str = "org_provider", sensitivity: str = "STANDARD", operations: tuple[str, ...] = ("list", "get")
) -> Product:
    """Return a product whose announcements are on their way."""
    number = next(_numbers)
    made = Product(world, f"prd_{number}", f"zoo-{number}", provider_id)
    described = {"product_id": made.id, "organization_id": provider_id, "slug": made.slug, "title": "Zoo"}
    version = {
        "version_id": f"ver_{number}",
        "product_id": made.id,
        "operations": [{"operation_id": each, "method": "GET", "path": f"/{index}"} for index, each in enumerate(operations)],
    }
    await world.bus.publish(
        [
            envelope("catalog.product_created.v1", made.id, 1, {**described, "sensitivity": sensitivity}),
            envelope("catalog.api_version_published.v1", f"ver_{number}", 1, version),
        ]
    )
    return made
