"""What enforcement remembers of others' announcements: one small document per thing, compared by the announcement's sequence.

The same translation serves the durable copy (a reaction writes it) and the state in memory (the broadcast changes it at once).
"""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, NamedTuple

from chassis.messages import Heard

APPLICATION = "application"
ORGANIZATION = "organization"
SECRET = "secret"  # noqa: S105 - a kind of thing, not a password
CLIENT_KEY = "client_key"
CERTIFICATE = "certificate"
SUSPENDED_CERTIFICATE = "suspended certificate"
TOKEN = "token"  # noqa: S105 - the same
PRODUCT = "product"
VERSION = "version"
LIFE = "life"
UPSTREAM = "upstream"
PLAN = "plan"
SUBSCRIPTION = "subscription"
PERMISSION = "permission"
# What a product may ask for beside a subscription.
PERMITTED = "PERMISSION"
AGREED = "AGREEMENT"

Fields = Mapping[str, Any]


class Copy(NamedTuple):
    """What is remembered of one thing as of one announcement about it."""

    kind: str
    id: str
    sequence: int
    fields: Fields
    announced_at: datetime | None = None
    """When the change was announced; None where that was not kept."""
    epoch: int | None = None
    """The number of the epoch that the change belongs to; None where it has none (yet)."""


def _application(heard: Heard) -> Copy:
    fields = {
        "organization_id": heard.data["organization_id"],
        "client_id": heard.data["client_id"],
        "is_deleted": heard.key == "identity.application_deleted.v1",
    }
    return Copy(APPLICATION, heard.data["application_id"], heard.sequence, fields)


def _secret(heard: Heard) -> Copy:
    fields = {"application_id": heard.data["application_id"], "is_retired": heard.key == "identity.secret_retired.v1"}
    return Copy(SECRET, heard.data["secret_id"], heard.sequence, fields)


def _organization(heard: Heard) -> Copy:
    return Copy(ORGANIZATION, heard.data["organization_id"], heard.sequence, {"is_deleted": True})


def _client_key(heard: Heard) -> Copy:
    fields = {"application_id": heard.data.get("application_id"), "is_retired": heard.key == "identity.client_key_removed.v1"}
    return Copy(CLIENT_KEY, heard.data["key_id"], heard.sequence, fields)


def _certificate(heard: Heard) -> Copy:
    fact = heard.key.split(".")[1]
    is_retired = fact not in ("certificate_registered", "certificate_resumed")
    # Whose it is: an application's, or of all of an organization's.
    fields = {name: heard.data.get(name) for name in ("application_id", "organization_id")}
    fields |= {"is_retired": is_retired, "is_suspended": fact == "certificate_suspended"}
    return Copy(CERTIFICATE, heard.data["certificate_id"], heard.sequence, fields)


def _token(heard: Heard) -> Copy:
    """Return a revoked token's copy, which is kept until the token would have expired anyway."""
    expires_at = datetime.fromisoformat(heard.data["expires_at"])
    if expires_at.tzinfo is None:
        raise ValueError("expires_at lacks its offset from UTC")
    return Copy(TOKEN, heard.data["token_id"], heard.sequence, {"expires_at": expires_at})


def _product(heard: Heard) -> Copy:
    fields = {"organization_id": heard.data["organization_id"], "sensitivity": heard.data["sensitivity"]}
    asked_for = heard.data.get("prerequisites")
    # An open test product asks for nothing, whatever else is said.
    is_open = heard.data["sensitivity"] == "OPEN_TEST"
    for name, prerequisite in (("needs_permission", PERMITTED), ("needs_agreement", AGREED)):
        fields[name] = not is_open and isinstance(asked_for, list) and prerequisite in asked_for
    # Whoever says otherwise: what is confidential stays closed.
    fields["stays_open"] = heard.data.get("when_unchecked") == "OPEN" and heard.data["sensitivity"] != "CONFIDENTIAL"
    return Copy(PRODUCT, heard.data["product_id"], heard.sequence, fields)


def _version(heard: Heard) -> Copy:
    operations = [
        {"operation_id": each["operation_id"], "method": each["method"], "path": each["path"]}
        for each in heard.data["operations"]
    ]
    fields = {"product_id": heard.data["product_id"], "base_path": heard.data["base_path"], "operations": operations}
    if "product_slug" in heard.data:
        fields["product_slug"] = heard.data["product_slug"]
    return Copy(VERSION, heard.data["version_id"], heard.sequence, fields)


def _life(heard: Heard) -> Copy:
    """Return where a version stands in its life: beside what it describes, so that either may be heard of first."""
    status = _LIVES[heard.key]
    fields = {"version_id": heard.data["version_id"], "status": status, **dict.fromkeys(_OF_ITS_END)}
    if status != "PUBLISHED":
        moments = [_moment(heard, name) for name in ("deprecated_at", "sunset_at")]
        fields |= dict(zip(_OF_ITS_END, (*moments, heard.data.get("migrate_to_base_path")), strict=True))
    return Copy(LIFE, f"life:{heard.data['version_id']}", heard.sequence, fields)


def _upstream(heard: Heard) -> Copy:
    """Return what answers a version's calls in production: numbered apart from the version, so that either may come first."""
    names = ("version_id", "organization_id", "url", "timeout_seconds", "host_header", "authorities", "client_certificate")
    return Copy(UPSTREAM, f"upstream:{heard.data['version_id']}", heard.sequence, {name: heard.data[name] for name in names})


_OF_ITS_END = ("deprecated_at", "sunset_at", "successor")
_LIVES = {
    "catalog.api_version_deprecated.v1": "DEPRECATED",
    "catalog.api_version_undeprecated.v1": "PUBLISHED",
    "catalog.api_version_retired.v1": "RETIRED",
}


def _moment(heard: Heard, name: str) -> int:
    """Return a moment in whole seconds since 1970."""
    return int(_read_moment(heard, name).timestamp())


def _read_moment(heard: Heard, name: str) -> datetime:
    moment = datetime.fromisoformat(heard.data[name])
    if moment.tzinfo is None:
        raise ValueError(f"{name} lacks its offset from UTC")
    return moment


def _plan(heard: Heard) -> Copy:
    names = ("product_id", "rate_requests", "rate_seconds", "burst")
    fields = {name: heard.data[name] for name in names}
    fields["quota_calls"] = heard.data.get("quota_calls")
    fields["quota_period"] = heard.data.get("quota_period")
    # Those who announced before there were zones meant UTC.
    fields["quota_time_zone"] = str(heard.data.get("quota_time_zone") or "UTC")
    return Copy(PLAN, heard.data["plan_id"], heard.sequence, fields)


def _subscription(heard: Heard) -> Copy:
    fields = {name: heard.data[name] for name in ("application_id", "product_id", "plan_id", "status")}
    # What it is held by: told where that matters, and nothing holds it where it is not told.
    fields["causes"] = [str(each) for each in heard.data.get("causes", ())]
    return Copy(SUBSCRIPTION, heard.data["subscription_id"], heard.sequence, fields)


def _permission(heard: Heard) -> Copy:
    fields = {name: heard.data[name] for name in ("application_id", "product_id", "status")}
    operations = heard.data["operations"]
    fields["operations"] = None if operations is None else [str(each) for each in operations]
    begins, ends = (None if heard.data.get(name) is None else _read_moment(heard, name) for name in ("valid_from", "valid_to"))
    # What has begun when it is announced has begun: no other clock is asked about it.
    fields["valid_from"] = None if begins is None or begins <= heard.time else begins.timestamp()
    fields["valid_to"] = None if ends is None else ends.timestamp()
    fields["quota_calls"] = heard.data.get("quota_calls")
    fields["quota_period"] = heard.data.get("quota_period")
    return Copy(PERMISSION, heard.data["permission_id"], heard.sequence, fields)


# A plan that is withdrawn takes no new subscriptions; those that stand keep their rate: its withdrawal changes nothing here.
_READERS: dict[str, Callable[[Heard], Copy]] = {
    "identity.application_created.v1": _application,
    "identity.application_changed.v1": _application,
    "identity.application_deleted.v1": _application,
    "identity.secret_issued.v1": _secret,
    "identity.secret_retired.v1": _secret,
    "identity.organization_deleted.v1": _organization,
    "identity.client_key_registered.v1": _client_key,
    "identity.client_key_removed.v1": _client_key,
    "identity.certificate_registered.v1": _certificate,
    "identity.certificate_revoked.v1": _certificate,
    "identity.certificate_suspended.v1": _certificate,
    "identity.certificate_resumed.v1": _certificate,
    "identity.token_revoked.v1": _token,
    "catalog.product_created.v1": _product,
    "catalog.product_changed.v1": _product,
    "catalog.api_version_published.v1": _version,
    **dict.fromkeys(_LIVES, _life),
    "catalog.upstream_changed.v1": _upstream,
    "catalog.plan_created.v1": _plan,
    "catalog.plan_changed.v1": _plan,
    "subscriptions.subscription_requested.v1": _subscription,
    "subscriptions.subscription_activated.v1": _subscription,
    "subscriptions.subscription_rejected.v1": _subscription,
    "subscriptions.subscription_cancelled.v1": _subscription,
    "subscriptions.subscription_suspended.v1": _subscription,
    "subscriptions.subscription_resumed.v1": _subscription,
    "subscriptions.plan_changed.v1": _subscription,
    # They change nothing here yet; but the subscription as it stands since then is in force, and that is asked.
    "subscriptions.plan_change_requested.v1": _subscription,
    "subscriptions.plan_change_approved.v1": _subscription,
    "subscriptions.plan_change_rejected.v1": _subscription,
    "subscriptions.plan_change_withdrawn.v1": _subscription,
    "subscriptions.plan_change_lapsed.v1": _subscription,
    "subscriptions.permission_granted.v1": _permission,
    "subscriptions.permission_began.v1": _permission,
    "subscriptions.permission_extended.v1": _permission,
    "subscriptions.permission_refused.v1": _permission,
    "subscriptions.permission_revoked.v1": _permission,
    "subscriptions.permission_lapsed.v1": _permission,
}
KEYS = tuple(_READERS)


def copy_of(heard: Heard) -> Copy:
    """Return what is to be remembered of an announcement. Raises ``KeyError`` or ``ValueError`` where it cannot be used."""
    return _READERS[heard.key](heard)._replace(announced_at=heard.time)
