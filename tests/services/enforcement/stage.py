"""What enforcement's tests stand on: an issuer of tokens, announcements of others, an upstream, calls."""

import asyncio
import itertools
import os
import signal
import socket
import subprocess
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import httpx
import orjson
from joserfc import jws, jwt
from joserfc.jwk import OKPKey

from chassis.bus import Bus, Message, Reaction
from chassis.clock import SystemClock
from chassis.ids import new_id
from chassis.service import Service
from services.enforcement.checks.listener import CheckListener
from services.enforcement.main import proxy_command
from services.enforcement.settings import EnforcementSettings
from services.enforcement.shipping import Shipped, shipper
from tests.services.enforcement.upstream import Upstream

ISSUER = "http://127.0.0.1:8000"
AUDIENCE = "portico:calls"
W = TypeVar("W")


class Registry(jws.JWSRegistry):
    def get_alg(self, name: str) -> Any:
        return self.algorithms[name]


class Issuer:
    """Issues tokens as identity does, and such as identity never would."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.key = OKPKey.generate_key("Ed25519", {"use": "sig", "alg": "EdDSA"}, auto_kid=True)
        document = orjson.dumps({"keys": [self.key.as_dict(private=False)]})
        (folder / "tokens.public.json").write_bytes(document)

    def token(
        self, client: str, secret: str | None = "sec_1", *, header: dict[str, Any] | None = None, key: Any = None, **claims: Any
    ) -> str:
        now = int(time.time())
        whole = {
            "iss": ISSUER,
            "aud": AUDIENCE,
            "sub": client,
            "client_id": client,
            "secret_id": secret,
            "iat": now,
            "exp": now + 600,
            "jti": new_id("jti"),
            **claims,
        }
        whole = {name: value for name, value in whole.items() if value is not None}
        head = {"alg": "EdDSA", "typ": "at+jwt", "kid": self.key.kid, **(header or {})}
        return jwt.encode(head, whole, key or self.key, registry=Registry(algorithms=[head["alg"]]))


def free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


def start(command: list[str], **how: Any) -> subprocess.Popen[bytes]:
    """Start a program and do not wait for it."""
    return subprocess.Popen(command, **how)


async def until(condition: Callable[[], Awaitable[Any]], seconds: float = 10.0) -> Any:
    """Return the condition's first true value."""
    give_up_at = time.monotonic() + seconds
    while True:
        found = await condition()
        if found:
            return found
        assert time.monotonic() < give_up_at, "it did not come about"
        await asyncio.sleep(0.01)


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


class Stage(Announcer):
    """Announces things and asks the check."""

    def __init__(self, bus: Bus, issuer: Issuer, service: Service) -> None:
        super().__init__(bus, issuer)
        self.service = service

    @property
    def check_port(self) -> int:
        return self.worker(CheckListener).port

    def worker(self, kind: type[W]) -> W:
        """The service's worker of this kind."""
        return next(worker for worker in self.service.workers if isinstance(worker, kind))

    async def check(self, method: str, path: str, headers: dict[str, str] | None = None) -> httpx.Response:
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{self.check_port}", trust_env=False) as http:
            return await http.request(method, f"/check{path}", headers=headers or {})

    async def check_until(self, status: int, method: str, path: str, headers: dict[str, str] | None = None) -> httpx.Response:
        async def asked() -> httpx.Response | None:
            answer = await self.check(method, path, headers)
            return answer if answer.status_code == status else None

        found: httpx.Response = await until(asked)
        return found


class DataPlaneStage(Stage):
    """With a proxy in front, and its shipper in the tests' own process; what is announced of calls is kept in ``batches``."""

    def __init__(self, bus: Bus, issuer: Issuer, service: Service, *, settings: EnforcementSettings, upstream: Upstream) -> None:
        super().__init__(bus, issuer, service)
        self.settings = settings
        self.upstream = upstream
        self.batches: list[dict[str, Any]] = []
        self.shipper = shipper(Shipped(self.folder, settings.proxy, settings.log_bytes), bus, SystemClock())
        self._proxy: subprocess.Popen[bytes] | None = None
        self.http = httpx.AsyncClient(base_url=f"http://127.0.0.1:{settings.proxy_port}", trust_env=False)

    @property
    def folder(self) -> Path:
        assert self.settings.data_plane is not None
        return self.settings.data_plane

    @property
    def records(self) -> list[dict[str, Any]]:
        return [record for batch in self.batches for record in batch["records"]]

    async def start(self) -> None:
        async def keep(message: Message) -> None:
            batch = orjson.loads(message.body)["data"]
            if batch not in self.batches:  # a batch may come again, as it was
                self.batches.append(batch)

        await self.service.declare()
        hears_calls = Reaction("analytics.test", ("enforcement.calls_recorded.v1",), keep)
        await self.bus.declare([hears_calls])
        await self.bus.react(hears_calls)
        await self.service.start()
        await self.start_proxy()
        await self.shipper.start()

    def prepare(self) -> list[str]:
        """The command that starts the proxy; its files are there already."""
        return proxy_command(self.settings)

    async def start_proxy(self) -> None:
        with (self.folder / "proxy.log").open("ab") as output:
            self._proxy = start(self.prepare(), stdout=output, stderr=output, start_new_session=True)

        async def answers() -> bool:
            try:
                return (await self.http.get("/")).status_code == 404
            except httpx.TransportError:
                return False

        await until(answers)

    async def stop_proxy(self, how: int = signal.SIGTERM) -> None:
        """Stop the proxy, or end it as a power failure would: with all of its processes."""
        assert self._proxy is not None
        if how == signal.SIGKILL:
            os.killpg(self._proxy.pid, how)
        else:
            os.kill(self._proxy.pid, how)
        await asyncio.to_thread(self._proxy.wait, 10)

    async def close(self) -> None:
        await self.http.aclose()
        await self.stop_proxy()
        await self.shipper.close()
        await self.service.close()

    async def call(self, method: str, path: str, headers: dict[str, str] | None = None, **how: Any) -> httpx.Response:
        try:
            return await self.http.request(method, path, headers=headers or {}, **how)
        except httpx.RemoteProtocolError:
            if method != "GET":
                raise
            # nginx closes idle connections when its upstreams change: whoever meets that asks once more (RFC 9112, 9.3.1).
            return await self.http.request(method, path, headers=headers or {}, **how)

    async def call_until(self, status: int, method: str, path: str, headers: dict[str, str] | None = None) -> httpx.Response:
        async def called() -> httpx.Response | None:
            answer = await self.call(method, path, headers)
            return answer if answer.status_code == status else None

        found: httpx.Response = await until(called)
        return found

    async def record_of(self, answer: httpx.Response) -> dict[str, Any]:
        """The record of the call that was answered so."""
        request_id = answer.headers.get("x-request-id") or answer.json()["request_id"]

        async def found() -> dict[str, Any] | None:
            return next((record for record in self.records if record["id"] == request_id), None)

        record: dict[str, Any] = await until(found)
        return record
