"""What recertification hears in these tests, and the stage on which it does."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson

from chassis.bus import Message
from chassis.clock import FixedClock
from tests.passports import make_passport
from tests.services.stage import Answered, Person, Stage, envelope

HOLDER, OTHER, PROVIDER, FOREIGN = "org_holder", "org_other", "org_provider", "org_foreign"
START = datetime(2029, 6, 1, tzinfo=UTC)  # when everything began: half a year before the clock's beginning
DUE = "2030-01-11T00:00:00Z"
SAID = {"title": "Yearly look", "reason": "The law says so.", "due_at": DUE}
LOST = {**SAID, "side": "OPERATOR", "kinds": ["PERMISSION", "AGREEMENT", "SUBSCRIPTION", "MEMBER", "CERTIFICATE"]}


@dataclass
class CampaignStage(Stage):
    """Recertification, the clock that it looks at, and its timekeeper, which looks when it is told to."""

    clock: FixedClock

    async def keep_time(self, **later: float) -> None:
        """Let time pass, and everything be done that it makes due."""
        self.clock.advance(timedelta(**later))
        await self.service.workers[0].look()  # type: ignore[attr-defined]

    async def print(self) -> None:
        """Let the planned reports be made."""
        await self.service.workers[1].look()  # type: ignore[attr-defined]

    @property
    def operator(self) -> Person:
        return self.person("usr_operator", platform_roles=("OPERATOR_ADMINISTRATOR",))

    def of(self, organization_id: str, role: str = "OWNER", user_id: str = "usr_owner") -> Person:
        return Person(self, make_passport(self.keys, user_id, organizations={organization_id: role}))

    async def started(self, by: Person | None = None, **more: Any) -> dict[str, Any]:
        """Let a campaign begin, of the operator unless something else is said, and everybody be told."""
        said: Answered = await (by or self.operator).do("start_campaign", **{**LOST, **more})
        await self.keep_time()
        return said.result

    async def items(self, campaign_id: str, by: Person | None = None, **args: Any) -> dict[str, dict[str, Any]]:
        """Return the items of a campaign by the thing's id."""
        [page] = (await (by or self.operator).load("items_by_campaign", [campaign_id], first=100, **args)).rows
        return {each["subject_id"]: each for each in page["nodes"]}

    async def facts(self, *names: str) -> list[dict[str, Any]]:
        """Return the data of what was announced under these names, in order."""
        keys = {f"portico.recertification.{name}.v1" for name in names}
        return [each["data"] | {"fact": each["type"].split(".")[2]} for each in await self.announced() if each["type"] in keys]


def at(message: Message, moment: datetime) -> Message:
    """Return an announcement as of another moment."""
    wrapped = orjson.loads(message.body) | {"time": moment.isoformat()}
    return Message(id=message.id, key=message.key, body=orjson.dumps(wrapped))


def _heard(key: str, subject: str, sequence: int, data: dict[str, Any], *, moment: datetime = START) -> Message:
    return at(envelope(key, subject, sequence, data), moment)


def organization(organization_id: str, name: str, owner_id: str = "usr_owner") -> Message:
    data = {"organization_id": organization_id, "name": name, "is_test": False, "owner_id": owner_id}
    return _heard("identity.organization_created.v1", organization_id, 1, data)


def organization_deleted(organization_id: str, sequence: int = 50) -> Message:
    return _heard("identity.organization_deleted.v1", organization_id, sequence, {"organization_id": organization_id})


def member(fact: str, user_id: str, sequence: int, *, of: str = HOLDER, role: str = "DEVELOPER", **more: Any) -> Message:
    data = {"organization_id": of, "user_id": user_id, **({} if fact == "member_removed" else {"role": role})}
    return _heard(f"identity.{fact}.v1", of, sequence, data, moment=more.get("moment", START))


def owner_changed(owner_id: str, former: str, sequence: int, *, of: str = HOLDER) -> Message:
    data = {"organization_id": of, "owner_id": owner_id, "former_owner_id": former, "by": "TRANSFER"}
    return _heard("identity.owner_changed.v1", of, sequence, data)


def product(product_id: str = "prd_1", *, of: str = PROVIDER, title: str = "Addresses") -> Message:
    data = {"product_id": product_id, "organization_id": of, "slug": product_id, "title": title, "sensitivity": "STANDARD"}
    return _heard("catalog.product_created.v1", product_id, 1, data)


def application(application_id: str = "app_1", *, of: str = HOLDER, name: str = "Address finder") -> Message:
    data = {"application_id": application_id, "organization_id": of, "name": name, "client_id": "cli"}
    return _heard("identity.application_created.v1", application_id, 1, data)


def subscription(fact: str, status: str, sequence: int, subscription_id: str = "sub_1", **more: Any) -> Message:
    data = {
        "subscription_id": subscription_id, "application_id": "app_1", "organization_id": HOLDER, "product_id": "prd_1",
        "plan_id": "pln_1", "provider_id": PROVIDER, "status": status, "reason": None, **more,
    }  # fmt: skip
    moment = data.pop("moment", START)
    return _heard(f"subscriptions.subscription_{fact}.v1", subscription_id, sequence, data, moment=moment)


def permission(fact: str, status: str, sequence: int, permission_id: str = "prm_1", **more: Any) -> Message:
    data = {
        "permission_id": permission_id, "application_id": "app_1", "organization_id": HOLDER, "product_id": "prd_1",
        "provider_id": PROVIDER, "status": status, "operations": None, "valid_from": None, "valid_to": None, **more,
    }  # fmt: skip
    return _heard(f"subscriptions.permission_{fact}.v1", permission_id, sequence, data)


def agreement(fact: str, status: str, sequence: int, agreement_id: str = "agr_1", **more: Any) -> Message:
    data = {
        "agreement_id": agreement_id, "request_id": "cnr_1", "kind": "NDA", "organization_id": HOLDER, "provider_id": PROVIDER,
        "product_id": "prd_1", "status": status, "valid_from": None, "valid_to": "2030-01-20T00:00:00Z", **more,
    }  # fmt: skip
    return _heard(f"subscriptions.agreement_{fact}.v1", agreement_id, sequence, data)


def certificate(fact: str, sequence: int, certificate_id: str = "crt_1", *, of: str = HOLDER) -> Message:
    data = {"certificate_id": certificate_id, "organization_id": of, "application_id": None, "thumbprint": "thumb"}
    ends = {"not_after": "2030-03-01T00:00:00Z"} if fact == "registered" else {}
    return _heard(f"identity.certificate_{fact}.v1", certificate_id, sequence, {**data, **ends})


def calls(batch: int, day: str, *, rejection: str | None = None, **of: Any) -> Message:
    moment = int(datetime.fromisoformat(f"{day}T12:00:00+00:00").timestamp() * 1000)
    record = {"at": moment, "rejection": rejection, "subscription_id": "sub_1", "application_id": "app_1"}
    record |= {"organization_id": HOLDER, "product_id": "prd_1", **of}
    return _heard("enforcement.calls_recorded.v1", "proxy_1", batch, {"source": "proxy_1", "batch": batch, "records": [record]})


def seen(user_id: str, day: str, sequence: int = 1) -> Message:
    return _heard("identity.user_seen.v1", f"{user_id}:days", sequence, {"user_id": user_id, "day": day})


def everything() -> list[Message]:
    """Two holders with the same kinds of things, of two providers."""
    return [
        organization(HOLDER, "SIA Grāmata"),
        organization(OTHER, "Другие"),
        organization(PROVIDER, "Provider"),
        organization(FOREIGN, "Foreign provider"),
        member("member_joined", "usr_owner", 2, role="OWNER"),
        member("member_joined", "usr_administrator", 3, role="ADMINISTRATOR"),
        member("member_joined", "usr_developer", 4),
        product(),
        product("prd_foreign", of=FOREIGN, title="Tides"),
        application(),
        application("app_other", of=OTHER, name="Приложение"),
        subscription("activated", "ACTIVE", 2),
        subscription("activated", "ACTIVE", 2, "sub_foreign", product_id="prd_foreign", provider_id=FOREIGN),
        subscription("activated", "ACTIVE", 2, "sub_other", organization_id=OTHER, application_id="app_other"),
        permission("granted", "GRANTED", 2),
        agreement("confirmed", "CONFIRMED", 3),
        certificate("registered", 1),
    ]
