"""What the other services announce, as enforcement's tests announce it in their stead."""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson

from chassis.bus import Bus, Message
from chassis.ids import new_id
from tests.services.enforcement.issuer import Issuer


def message(key: str, subject: str, sequence: int, data: dict[str, Any], *, audience: Sequence[str] = ()) -> Message:
    """An announcement as a service publishes it."""
    event_id = new_id("evt")
    body = {
        "specversion": "1.0",
        "id": event_id,
        "source": "/services/" + key.partition(".")[0],
        "type": f"portico.{key}",
        "subject": subject,
        "time": "2030-01-01T00:00:00.000Z",
        "sequence": sequence,
        "data": data,
        **({"audience": ",".join(audience)} if audience else {}),
    }
    return Message(event_id, key, orjson.dumps(body))


@dataclass
class Client:
    """An application that calls: its ids, its token."""

    application_id: str
    organization_id: str
    client_id: str
    secret_id: str
    token: str

    @property
    def headers(self) -> dict[str, str]:
        return {"authorization": f"Bearer {self.token}"}


@dataclass
class Product:
    """A product with one version and one plan."""

    id: str
    version_id: str
    plan_id: str
    base_path: str
    operations: dict[str, str] = field(default_factory=dict)


OPERATIONS = (
    ("listPets", "GET", "/pets"),
    ("getPet", "GET", "/pets/{id}"),
    ("addPet", "POST", "/pets"),
    ("slow", "GET", "/slow"),
)
_numbers = itertools.count(1)


class Announcer:
    """Announces things as the other services do."""

    def __init__(self, bus: Bus, issuer: Issuer) -> None:
        self.bus = bus
        self.issuer = issuer
        self._sequences: dict[str, int] = {}

    async def announce(self, key: str, subject: str, *, audience: Sequence[str] = (), **data: Any) -> Message:
        self._sequences[subject] = self._sequences.get(subject, 0) + 1
        announced = message(f"{key}.v1", subject, self._sequences[subject], data, audience=audience)
        await self.bus.publish([announced])
        return announced

    def announced_of(self, subject: str) -> int:
        """The number of the last announcement about a thing."""
        return self._sequences[subject]

    async def application(self, **claims: Any) -> Client:
        number = next(_numbers)
        client = Client(f"app_{number}", f"org_{number}", f"client-{number}", f"sec_{number}", "")
        data = {"application_id": client.application_id, "organization_id": client.organization_id, "client_id": client.client_id}
        await self.announce("identity.application_created", client.application_id, name="Shop", **data)
        await self.announce("identity.secret_issued", client.application_id, secret_id=client.secret_id, **data)
        client.token = self.issuer.token(client.client_id, client.secret_id, **claims)
        return client

    async def product(self, sensitivity: str = "STANDARD", operations: Any = OPERATIONS, **plan: Any) -> Product:
        number = next(_numbers)
        product = Product(f"prd_{number}", f"ver_{number}", f"pln_{number}", f"/zoo-{number}/pets/v1")
        owner = {"product_id": product.id, "organization_id": "org_provider"}
        told = {"slug": f"zoo-{number}", "title": "Zoo", "sensitivity": sensitivity, **owner}
        told |= {name: plan.pop(name) for name in ("prerequisites", "when_unchecked") if name in plan}
        await self.announce("catalog.product_created", product.id, **told)
        await self.plan(product, **plan)
        await self.announce(
            "catalog.api_version_published",
            product.version_id,
            version_id=product.version_id,
            api_id="api_1",
            product_slug=f"zoo-{number}",
            title="Pets",
            label="v1",
            base_path=product.base_path,
            operations=[{"operation_id": each[0], "method": each[1], "path": each[2]} for each in operations],
            **owner,
        )
        return product

    async def life(self, product: Product, fact: str, **data: Any) -> Message:
        """Announce that the product's version is ``deprecated``, ``undeprecated`` or ``retired``."""
        told = {
            "version_id": product.version_id,
            "product_id": product.id,
            "organization_id": "org_provider",
            "base_path": product.base_path,
            "deprecated_at": "2026-01-01T00:00:00Z",
            "sunset_at": "2026-11-08T08:49:37Z",
            "migrate_to": "ver_next",
            "migrate_to_base_path": "/zoo/pets/v2",
            **data,
        }
        return await self.announce(f"catalog.api_version_{fact}", product.version_id, **told)

    async def serve(self, product: Product, url: str | None, **how: Any) -> Message:
        """Announce that the product's version has an upstream, or none."""
        told: dict[str, Any] = {
            "version_id": product.version_id,
            "product_id": product.id,
            "organization_id": "org_provider",
            "base_path": product.base_path,
            "url": url,
            "timeout_seconds": None if url is None else 5,
            "host_header": None,
            "authorities": None,
            "client_certificate": None,
            **how,
        }
        return await self.announce("catalog.upstream_changed", f"upstream:{product.version_id}", **told)

    async def plan(self, product: Product, fact: str = "plan_created", **plan: Any) -> None:
        terms: dict[str, Any] = {
            "rate_requests": 1000,
            "rate_seconds": 1,
            "burst": 1000,
            "quota_calls": None,
            "quota_period": None,
        }
        terms |= {"approval": "AUTOMATIC", **plan}
        await self.announce(
            f"catalog.{fact}",
            product.plan_id,
            plan_id=product.plan_id,
            product_id=product.id,
            organization_id="org_provider",
            name="Basic",
            **terms,
        )

    async def subscribe(
        self, client: Client, product: Product, status: str = "ACTIVE", subscription_id: str = "", **more: Any
    ) -> str:
        fact = {"PENDING": "requested", "ACTIVE": "activated"}.get(status, status.lower())
        subscription_id = subscription_id or f"sub_{next(_numbers)}"
        await self.announce(
            f"subscriptions.{more.pop('fact', f'subscription_{fact}')}",
            subscription_id,
            subscription_id=subscription_id,
            application_id=client.application_id,
            organization_id=client.organization_id,
            product_id=product.id,
            plan_id=more.pop("plan_id", product.plan_id),
            provider_id="org_provider",
            status=status,
            reason=None,
            **more,
        )
        return subscription_id

    async def permit(self, client: Client, product: Product, fact: str = "granted", **terms: Any) -> str:
        """Announce a permission; ``terms`` are its operations, its time and its quota."""
        permission_id = terms.pop("permission_id", "") or f"prm_{next(_numbers)}"
        status = {"revoked": "REVOKED", "lapsed": "LAPSED", "refused": "REFUSED"}.get(fact, "GRANTED")
        whole = {"operations": None, "valid_from": None, "valid_to": None, "quota_calls": None, "quota_period": None, **terms}
        await self.announce(
            f"subscriptions.permission_{fact}",
            permission_id,
            permission_id=permission_id,
            application_id=client.application_id,
            organization_id=client.organization_id,
            product_id=product.id,
            provider_id="org_provider",
            status=status,
            reason=None,
            **whole,
        )
        return permission_id
