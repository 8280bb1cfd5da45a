"""Support as its tests go through it: who takes part, what they hear, where mail goes and comes from."""

import base64
import email
import email.policy
import os
from dataclasses import dataclass, field
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import orjson
from aiosmtpd.smtp import SMTP, Envelope, Session

from chassis.bus import Message
from chassis.calls import Call
from chassis.clock import FixedClock
from chassis.service import Service
from services.notifications.sealing import shared_seal
from services.notifications.support_part import port_of
from tests.services.stage import Answered, Person, Stage, envelope

ASKERS, PROVIDER, STRANGERS = "org_askers", "org_provider", "org_strangers"
PRODUCT, APPLICATION, SUBSCRIPTION = "prd_1", "app_1", "sub_1"
ADDRESS = "support@portal.example"
WISH: dict[str, Any] = {"subject": "Calls fail", "text": "Since noon.", "category": "CALLS", "organization_id": ASKERS}


def thing(key: str, thing_id: str, *, sequence: int = 1, **data: Any) -> Message:
    return envelope(key, thing_id, sequence, data)


def things() -> list[Message]:
    """What others have: a published product and a draft, an application with its subscription, certificates, requests."""
    both: dict[str, Any] = {"organization_id": ASKERS, "provider_id": PROVIDER, "product_id": PRODUCT}
    return [
        thing("catalog.product_created.v1", PRODUCT, organization_id=PROVIDER, title="Tides"),
        thing("catalog.api_version_published.v1", "ver_1", product_id=PRODUCT, organization_id=PROVIDER),
        thing("catalog.product_created.v1", "prd_draft", organization_id=PROVIDER, title="Whirlpools"),
        thing(
            "identity.application_created.v1",
            APPLICATION,
            application_id=APPLICATION,
            organization_id=ASKERS,
            name="Robot",
            client_id="cli",
        ),
        thing("subscriptions.subscription_requested.v1", SUBSCRIPTION, **both),
        thing("subscriptions.permission_granted.v1", "prm_1", **both),
        thing("subscriptions.connection_requested.v1", "cnr_1", **both),
        thing("subscriptions.agreement_requested.v1", "agr_1", **both),
        thing("identity.onboarding_submitted.v1", "onb_1", organization_id=ASKERS),
        thing("identity.certificate_registered.v1", "crt_1", organization_id=ASKERS, application_id=None),
        organization(ASKERS, "Askers"),
        organization(STRANGERS, "Strangers"),
    ]


def organization(organization_id: str, name: str) -> Message:
    data = {"organization_id": organization_id, "name": name, "is_test": False, "owner_id": "usr_owner"}
    return envelope("identity.organization_created.v1", organization_id, 1, data)


def organization_deleted(organization_id: str = ASKERS, sequence: int = 9) -> Message:
    return envelope("identity.organization_deleted.v1", organization_id, sequence, {"organization_id": organization_id})


def member(user_id: str, of: str = ASKERS, sequence: int = 2, *, fact: str = "joined") -> Message:
    data = {"organization_id": of, "user_id": user_id, **({"role": "DEVELOPER"} if fact == "joined" else {})}
    return envelope(f"identity.member_{fact}.v1", of, sequence, data)


def erased(user_id: str, sequence: int = 9) -> Message:
    return envelope("identity.user_erased.v1", user_id, sequence, {"user_id": user_id})


def address_of(user_id: str) -> str:
    return f"{user_id.removeprefix('usr_')}@people.example"


class Postbox:
    """A mail server that keeps what is handed in, whole."""

    def __init__(self) -> None:
        self.mails: list[EmailMessage] = []

    async def handle_DATA(self, _server: SMTP, _session: Session, taken: Envelope) -> str:  # noqa: N802 - named by aiosmtpd
        content = taken.content or b""
        message = email.message_from_bytes(content if isinstance(content, bytes) else b"", policy=email.policy.default)
        assert isinstance(message, EmailMessage)
        self.mails.append(message)
        return "250 kept"

    def to(self, user_id: str) -> list[EmailMessage]:
        return [each for each in self.mails if each["To"] == address_of(user_id)]


@dataclass
class Cast:
    """Everybody who takes part, and what they do."""

    stage: Stage
    key_file: Path
    clock: FixedClock
    postbox: Postbox
    sequences: dict[str, int] = field(default_factory=dict)

    @property
    def service(self) -> Service:
        return self.stage.service

    def reachable(
        self, user_id: str, *, language: str = "en", address: str | None = None, roles: tuple[str, ...] = ()
    ) -> Message:
        sequence = self.sequences[user_id] = self.sequences.get(user_id, 0) + 1
        sealed = shared_seal(self.key_file).close(address or address_of(user_id), user_id)
        name = user_id.removeprefix("usr_").title()
        data = {"user_id": user_id, "name": name, "language": language, "platform_roles": list(roles), "sealed_address": sealed}
        return envelope("identity.user_reachable.v1", user_id, sequence, data)

    @property
    def asker(self) -> Person:
        return self.stage.person("usr_asker", org_askers="OBSERVER")

    @property
    def colleague(self) -> Person:
        return self.stage.person("usr_colleague", org_askers="OWNER")

    @property
    def loner(self) -> Person:
        return self.stage.person("usr_loner")

    @property
    def stranger(self) -> Person:
        return self.stage.person("usr_stranger", org_strangers="OWNER")

    @property
    def staff(self) -> Person:
        return self.stage.person("usr_staff", platform_roles=("SUPPORT",))

    @property
    def administrator(self) -> Person:
        return self.stage.person("usr_boss", platform_roles=("OPERATOR_ADMINISTRATOR",))

    @property
    def other_staff(self) -> Person:
        """Of the operator, but not of those who support."""
        return self.stage.person(
            "usr_other", platform_roles=("BUSINESS_REPRESENTATIVE", "ANALYST", "AUDITOR", "SECURITY_OFFICER")
        )

    @property
    def provider(self) -> Person:
        return self.stage.person("usr_provider", org_provider="ADMINISTRATOR")

    @property
    def provider_observer(self) -> Person:
        return self.stage.person("usr_watcher", org_provider="OBSERVER")

    async def everybody_is_known(self) -> None:
        people = [self.reachable(each) for each in ("usr_asker", "usr_colleague", "usr_loner", "usr_stranger", "usr_provider")]
        staff = [self.reachable("usr_staff", roles=("SUPPORT",)), self.reachable("usr_boss", roles=("OPERATOR_ADMINISTRATOR",))]
        members = [member("usr_asker", sequence=2), member("usr_colleague", sequence=3)]
        await self.stage.hear(*things(), *people, *staff, *members)

    async def opened(self, by: Person | None = None, **changes: Any) -> dict[str, Any]:
        wish = {name: value for name, value in {**WISH, **changes}.items() if value is not None}
        return (await (by or self.asker).do("open_support_request", **wish)).result

    async def seen(self, by: Person, request_id: str) -> dict[str, Any] | None:
        rows = (await by.load("support_requests_by_id", [request_id])).rows
        found: dict[str, Any] | None = rows[0]
        return found

    async def thread(self, by: Person, request_id: str) -> list[dict[str, Any]]:
        rows = (await by.load("support_messages_by_request", [request_id], first=100)).rows
        found: list[dict[str, Any]] = rows[0]["nodes"]
        return found

    async def reply(self, by: Person, request_id: str, text: str = "More.", **more: Any) -> Answered:
        return await by.do("reply_support_request", request_id=request_id, text=text, **more)

    async def send_file(self, by: Person, content: bytes, name: str = "log.txt") -> Answered:
        headers = {"portico-passport": by.passport, "portico-file-name": name}
        answer = await self.stage.caller.call(Call("notifications", "/files", content, headers))
        return Answered(answer.status, orjson.loads(answer.body))

    async def fetch_file(self, by: Person, file_id: str) -> Any:
        headers = {"portico-passport": by.passport}
        return await self.stage.caller.call(Call("notifications", f"/files/{file_id}", b"", headers, "GET"))

    async def post_all(self) -> None:
        """Let the postman hand in what waits."""
        await self.service.workers[0].look()  # type: ignore[attr-defined]

    @property
    def smtp_port(self) -> int:
        port = port_of(self.service.workers)
        assert port is not None
        return port

    async def queue(self, by: Person | None = None, **args: Any) -> list[dict[str, Any]]:
        rows = (await (by or self.staff).load("support_queue", ["all"], first=100, **args)).rows
        found: list[dict[str, Any]] = rows[0]["nodes"]
        return found


def make_key_file(folder: Path) -> Path:
    path = folder / "notices.key"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(base64.urlsafe_b64encode(os.urandom(32)))
    return path
