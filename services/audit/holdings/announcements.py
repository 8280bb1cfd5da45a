"""What announcements of others say of who holds what: one reader for each family of them."""

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from typing import Any

from chassis.messages import Heard
from services.audit.holdings.domain import Change, Fact, Kind

State = Mapping[str, Any] | None
Read = Callable[[Heard], Iterator[Change]]

_IDS = ("organization_id", "provider_id", "product_id", "application_id", "user_id")


def _change(heard: Heard, kind: Kind, thing_id: str, state: State, **about: str | None) -> Change:
    given = {name: heard.data.get(name) for name in _IDS} | about
    kept = {name: each for name, each in given.items() if isinstance(each, str)}
    return Change(kind, thing_id, kept, Fact(heard.sequence, heard.time, state), is_stated=heard.is_republished)


def _moment(value: object) -> datetime | None:
    return datetime.fromisoformat(value) if isinstance(value, str) else None


def _named(heard: Heard, kind: Kind, name: str, **about: str | None) -> Iterator[Change]:
    yield _change(heard, kind, heard.subject, {"name": heard.data[name]}, **about)


def organization(heard: Heard) -> Iterator[Change]:
    """Read that there is an organization, under this name."""
    yield from _named(heard, Kind.ORGANIZATION, "name")


def organization_deleted(heard: Heard) -> Iterator[Change]:
    """Read that an organization is gone, and with it whoever belonged to it: that is not announced of each."""
    yield _change(heard, Kind.ORGANIZATION, heard.subject, None)


def product(heard: Heard) -> Iterator[Change]:
    """Read that a provider has a product, under this title."""
    yield from _named(heard, Kind.PRODUCT, "title", organization_id=None, provider_id=heard.data["organization_id"])


def plan(heard: Heard) -> Iterator[Change]:
    """Read that a product has a plan, under this name; who is on it stays on it when it is withdrawn."""
    yield from _named(heard, Kind.PLAN, "name", organization_id=None, provider_id=heard.data["organization_id"])


def _member(heard: Heard, user_id: str, role: str | None) -> Change:
    state = None if role is None else {"role": role}
    return _change(heard, Kind.MEMBER, f"{heard.data['organization_id']}:{user_id}", state, user_id=user_id)


def member(heard: Heard) -> Iterator[Change]:
    """Read that somebody belongs to an organization, in this role, or does not any more."""
    yield _member(heard, heard.data["user_id"], heard.data.get("role"))


def owner(heard: Heard) -> Iterator[Change]:
    """Read that two members have changed places."""
    yield _member(heard, heard.data["owner_id"], "OWNER")
    yield _member(heard, heard.data["former_owner_id"], "ADMINISTRATOR")


def platform_role(heard: Heard) -> Iterator[Change]:
    """Read that somebody is of the operator's staff, in this role, or is not any more."""
    role = heard.data["role"]
    state = {"role": role} if "granted" in heard.key else None
    yield _change(heard, Kind.PLATFORM_ROLE, f"{heard.data['user_id']}:{role}", state)


def provider(heard: Heard) -> Iterator[Change]:
    """Read that an organization may publish products, or may not any more."""
    yield _change(heard, Kind.PROVIDER, heard.data["organization_id"], {} if "granted" in heard.key else None)


def application(heard: Heard) -> Iterator[Change]:
    """Read that an organization has an application, under this name, or it is gone."""
    gone = heard.key.startswith("identity.application_deleted")
    state = None if gone else {"name": heard.data["name"], "client_id": heard.data["client_id"]}
    yield _change(heard, Kind.APPLICATION, heard.subject, state, application_id=heard.subject)


def certificate(heard: Heard) -> Iterator[Change]:
    """Read that a certificate proves an organization's applications, until it ends or is revoked."""
    gone = heard.key.startswith("identity.certificate_revoked")
    state = None if gone else {"thumbprint": heard.data["thumbprint"], "valid_to": _moment(heard.data["not_after"])}
    yield _change(heard, Kind.CERTIFICATE, heard.data["certificate_id"], state)


def _valid(heard: Heard, held: str, **more: Any) -> State:
    """Return how something stands that is in force only within its time."""
    if heard.data["status"] != held:
        return None
    times = {"valid_from": _moment(heard.data["valid_from"]), "valid_to": _moment(heard.data["valid_to"])}
    return {"status": held, **times, **more}


def permission(heard: Heard) -> Iterator[Change]:
    """Read that a provider permits an application to call a product."""
    operations = heard.data.get("operations")
    yield _change(heard, Kind.PERMISSION, heard.subject, _valid(heard, "GRANTED", operations=operations))


def agreement(heard: Heard) -> Iterator[Change]:
    """Read that an agreement is in force between a recipient and a provider."""
    yield _change(heard, Kind.AGREEMENT, heard.subject, _valid(heard, "CONFIRMED", agreement_kind=heard.data["kind"]))


def subscription(heard: Heard) -> Iterator[Change]:
    """Read that an application is subscribed to a product; while that is suspended, ``causes`` say by what."""
    status = heard.data["status"]
    causes = sorted(heard.data.get("causes", ())) if status == "SUSPENDED" else []
    state = {"status": status, "plan_id": heard.data["plan_id"], "causes": causes}
    yield _change(heard, Kind.SUBSCRIPTION, heard.subject, state if status in ("ACTIVE", "SUSPENDED") else None)


READERS: dict[str, Read] = {
    **{f"identity.organization_{each}.v1": organization for each in ("created", "renamed")},
    "identity.organization_deleted.v1": organization_deleted,
    **{f"catalog.product_{each}.v1": product for each in ("created", "changed")},
    **{f"catalog.plan_{each}.v1": plan for each in ("created", "changed", "withdrawn")},
    **{f"identity.{each}.v1": member for each in ("member_joined", "member_removed", "role_changed")},
    "identity.owner_changed.v1": owner,
    **{f"identity.platform_role_{each}.v1": platform_role for each in ("granted", "withdrawn")},
    **{f"catalog.provider_standing_{each}.v1": provider for each in ("granted", "withdrawn")},
    **{f"identity.application_{each}.v1": application for each in ("created", "changed", "deleted")},
    **{f"identity.certificate_{each}.v1": certificate for each in ("registered", "revoked")},
    **{
        f"subscriptions.permission_{each}.v1": permission
        for each in ("granted", "began", "refused", "revoked", "lapsed", "extended", "withdrawn", "requested", "returned")
    },
    **{
        f"subscriptions.agreement_{each}.v1": agreement
        for each in ("requested", "attached", "countersigned", "returned", "confirmed", "began", "lapsed")
    },
    **{
        f"subscriptions.subscription_{each}.v1": subscription
        for each in ("requested", "activated", "rejected", "cancelled", "suspended", "resumed")
    },
    "subscriptions.plan_changed.v1": subscription,
}
