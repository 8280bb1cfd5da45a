"""A connection and its agreements as the tests of them go through it: who takes part, what they hear, what they do."""

import itertools
from typing import Any

from chassis.bus import Message
from tests.services.stage import Person, Stage, envelope
from tests.services.subscriptions.announcements import (
    APPLICATION,
    CONSUMER,
    PRODUCT,
    PROVIDER,
    application,
    organization,
    plan,
    product,
    version,
)

KINDS = ["PARTNERSHIP_CONTRACT", "NDA", "ADDITIONAL_AGREEMENT", "TECHNICAL_ASSIGNMENT"]
IN_ORDER = ["PARTNERSHIP_CONTRACT", "NDA", "TECHNICAL_ASSIGNMENT", "ADDITIONAL_AGREEMENT"]
GOOD = "SIGNED_AND_TIMESTAMPED"
REPRESENTATIVE, ADMINISTRATOR, SECURITY = "usr_representative", "usr_administrator", "usr_security"
FILER, CONCLUDER = "usr_filer", "usr_concluder"
FROM = "2020-01-01T00:00:00Z"
FORM: dict[str, Any] = {
    "application_ids": [APPLICATION],
    "purpose": "To check who lives where.",
    "legal_basis": "The law on registers, section 3",
    "data_categories": ["names", "addresses"],
    "contact_note": "Write to the office.",
}
WISH: dict[str, Any] = {"organization_id": CONSUMER, "product_id": PRODUCT, **FORM}
_numbers = itertools.count(1)


def platform_role(user_id: str, role: str, sequence: int = 1, *, fact: str = "granted") -> Message:
    return envelope(f"identity.platform_role_{fact}.v1", user_id, sequence, {"user_id": user_id, "role": role})


def member(user_id: str, of: str = PROVIDER, sequence: int = 1, *, fact: str = "joined") -> Message:
    data = {"organization_id": of, "user_id": user_id, **({"role": "OBSERVER"} if fact == "joined" else {})}
    return envelope(f"identity.member_{fact}.v1", of, sequence, data)


def file_kept(file_id: str, by: str) -> Message:
    data = {
        "file_id": file_id,
        "uploaded_by": by,
        "name": "contract.pdf",
        "content_type": "application/pdf",
        "size": 10,
        "sha256": "0" * 64,
    }
    return envelope("identity.file_kept.v1", file_id, 1, data)


def judged(file_id: str, agreement_id: str, verdict: str = GOOD, sequence: int = 2) -> Message:
    moment = "2026-01-01T10:00:00.000Z"
    data = {"file_id": file_id, "attached_to": agreement_id, "verdict": verdict, "sha256": "0" * 64, "judged_at": moment}
    return envelope("identity.document_judged.v1", file_id, sequence, data)


def not_attached(file_id: str, agreement_id: str, sequence: int = 2) -> Message:
    data = {"file_id": file_id, "attached_to": agreement_id, "reason": "The file has lapsed."}
    return envelope("identity.file_not_attached.v1", file_id, sequence, data)


def offer() -> list[Message]:
    """A confidential product with a plan, an application, and the operator's people."""
    return [
        organization(),
        application(),
        product(sensitivity="CONFIDENTIAL"),
        version(),
        plan(),
        platform_role(REPRESENTATIVE, "BUSINESS_REPRESENTATIVE"),
    ]


class Cast:
    """Everybody who takes part, and what they do one after the other."""

    def __init__(self, stage: Stage) -> None:
        self.stage = stage

    @property
    def recipient(self) -> Person:
        return self.stage.person(FILER, org_consumer="OWNER")

    @property
    def provider(self) -> Person:
        return self.stage.person(CONCLUDER, org_provider="ADMINISTRATOR")

    @property
    def representative(self) -> Person:
        return self.stage.person(REPRESENTATIVE, platform_roles=("BUSINESS_REPRESENTATIVE",))

    @property
    def administrator(self) -> Person:
        return self.stage.person(ADMINISTRATOR, platform_roles=("OPERATOR_ADMINISTRATOR",))

    @property
    def security(self) -> Person:
        return self.stage.person(SECURITY, platform_roles=("SECURITY_OFFICER",))

    @property
    def stranger(self) -> Person:
        return self.stage.person("usr_stranger", org_stranger="OWNER")

    async def filed(self, **changes: Any) -> dict[str, Any]:
        return (await self.recipient.do("file_connection_request", **{**WISH, **changes})).result

    async def taken(self, **changes: Any) -> dict[str, Any]:
        request = await self.filed(**changes)
        return (await self.representative.do("take_connection_request", request_id=request["id"])).result

    async def upload(self, by: str) -> str:
        file_id = f"fil_{next(_numbers)}"
        await self.stage.hear(file_kept(file_id, by))
        return file_id

    async def attach(self, agreement_id: str) -> dict[str, Any]:
        file_id = await self.upload(FILER)
        return (await self.recipient.do("attach_agreement", agreement_id=agreement_id, file_id=file_id)).result

    async def countersign(self, agreement_id: str) -> dict[str, Any]:
        file_id = await self.upload(CONCLUDER)
        return (await self.provider.do("countersign_agreement", agreement_id=agreement_id, file_id=file_id)).result

    async def judge(self, agreement_id: str, verdict: str = GOOD) -> None:
        (agreement,) = (await self.administrator.load("agreements_by_id", [agreement_id])).rows
        await self.stage.hear(*(judged(each["file_id"], agreement_id, verdict) for each in agreement["files"]))

    async def confirm(self, agreement_id: str, **more: Any) -> dict[str, Any]:
        given = {"agreement_id": agreement_id, "valid_from": FROM, **more}
        return (await self.representative.do("confirm_agreement", **given)).result

    async def conclude(self, agreement_id: str, **more: Any) -> dict[str, Any]:
        """Take an agreement from REQUESTED to CONFIRMED."""
        await self.attach(agreement_id)
        await self.countersign(agreement_id)
        await self.judge(agreement_id)
        return await self.confirm(agreement_id, **more)

    async def shown(self, request_id: str) -> dict[str, Any]:
        (row,) = (await self.administrator.load("connection_requests_by_id", [request_id])).rows
        found: dict[str, Any] = row
        return found

    async def attached_all(self, request: dict[str, Any]) -> dict[str, Any]:
        for each in request["documents"]:
            await self.attach(each["id"])
        return await self.shown(request["id"])

    async def decide(self, person: Person, request_id: str, decision: str = "APPROVE", **more: Any) -> dict[str, Any]:
        """Decide whatever step is open."""
        step = next(each for each in (await self.shown(request_id))["approval"] if each["status"] == "OPEN")
        return (await person.do("decide_approval_step", step_id=step["id"], decision=decision, **more)).result

    async def connected(self, **validity: Any) -> dict[str, Any]:
        """Take a request from the filing to the end."""
        request = await self.taken()
        by_kind = {each["kind"]: each["id"] for each in request["documents"]}
        for kind in IN_ORDER:
            if kind in by_kind:
                await self.conclude(by_kind[kind], **validity)
        await self.decide(self.provider, request["id"])
        await self.decide(self.representative, request["id"])
        return (await self.representative.do("complete_connection_request", request_id=request["id"])).result


async def facts(stage: Stage, *names: str) -> list[dict[str, Any]]:
    """Return what was announced under these names, in order."""
    keys = [f"portico.subscriptions.{name}.v1" for name in names]
    return [each for each in await stage.announced() if each["type"] in keys]
