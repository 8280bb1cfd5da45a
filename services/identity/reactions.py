"""What identity does when others, or itself, announce something."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from itertools import groupby
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from chassis.errors import Invalid
from chassis.inbox import On, copy_if_newer
from chassis.messages import Heard
from chassis.mongo import Transaction
from services.identity.certificates import actions as certificates
from services.identity.organizations import actions as organizations
from services.identity.secrets import actions as secrets
from services.identity.secrets.use import Called

_SECRET_RETIRED = "SECRET_RETIRED"  # noqa: S105 - the rejection of a call with a token of a retired secret
_Milliseconds = Annotated[int, Field(ge=0, lt=253_402_300_800_000)]


class AnnouncementNotUsable(Invalid):
    """The announcement lacks a field that is needed here."""


def _take(heard: Heard, name: str) -> str:
    try:
        return str(heard.data[name])
    except KeyError as missing:
        raise AnnouncementNotUsable(f"{heard.key} {heard.id} lacks the field {missing}.") from missing


async def note_provider(tx: Transaction, heard: Heard) -> None:
    """Note that an organization is a data provider: it is not deleted any more."""
    await organizations.note_provider(tx, _take(heard, "organization_id"))


async def remember_subscription(tx: Transaction, heard: Heard) -> None:
    """Keep which application is subscribed to which product: what a token's scope may name."""
    fields = {name: _take(heard, name) for name in ("application_id", "product_id", "status")}
    await copy_if_newer(tx, "heard_subscriptions", replace(heard, subject=_take(heard, "subscription_id")), fields)


async def remember_product(tx: Transaction, heard: Heard) -> None:
    """Keep what a product is called in a scope, whose it is, and whether it is open to all."""
    fields = {name: _take(heard, name) for name in ("slug", "organization_id", "sensitivity")}
    await copy_if_newer(tx, "heard_products", replace(heard, subject=_take(heard, "product_id")), fields)


async def remember_published_version(tx: Transaction, heard: Heard) -> None:
    """Keep which operations a product has."""
    try:
        operation_ids = [str(each["operation_id"]) for each in heard.data["operations"]]
    except (KeyError, TypeError) as error:
        raise AnnouncementNotUsable(f"{heard.key} {heard.id} does not list its operations.") from error
    fields = {"product_id": _take(heard, "product_id"), "operation_ids": operation_ids}
    await copy_if_newer(tx, "heard_versions", replace(heard, subject=_take(heard, "version_id")), fields)


async def revoke_certificates(tx: Transaction, heard: Heard) -> None:
    """Revoke the certificates of a deleted application."""
    await certificates.revoke_of_application(tx, _take(heard, "application_id"))


class _Call(BaseModel):
    model_config = ConfigDict(frozen=True)

    at: _Milliseconds
    secret_id: str | None = None
    rejection: str | None = None


class _Calls(BaseModel):
    model_config = ConfigDict(frozen=True)

    source: str
    batch: int = Field(ge=1)
    records: tuple[_Call, ...]
    read_through: _Milliseconds | None = None


def _moment(milliseconds: int) -> datetime:
    return datetime.fromtimestamp(milliseconds / 1000, UTC)


def _by_secret(calls: _Calls) -> dict[str, list[Called]]:
    of_secrets = sorted(((each.secret_id, each) for each in calls.records if each.secret_id), key=lambda pair: pair[0])
    return {
        secret_id: [Called(_moment(call.at), is_refused=call.rejection == _SECRET_RETIRED) for _, call in of_one]
        for secret_id, of_one in groupby(of_secrets, key=lambda pair: pair[0])
    }


async def count_calls_by_secret(tx: Transaction, heard: Heard) -> None:
    """Count a batch of calls for the secrets that they were made with."""
    try:
        calls = _Calls.model_validate(heard.data)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(str(part) for part in first["loc"])
        raise AnnouncementNotUsable(f"{heard.key} {heard.id}: {place}: {first['msg']}.") from error
    read_through = None if calls.read_through is None else _moment(calls.read_through)
    await secrets.count_calls(tx, secrets.Batch(calls.source, calls.batch, read_through, _by_secret(calls)))


def reactions(wake_winding_up: Callable[[], None]) -> tuple[On, ...]:
    """Return the reactions; ``wake_winding_up`` tells the worker that there is a deleted organization."""

    async def wind_up_organization(tx: Transaction, _heard: Heard) -> None:
        """End what a deleted organization had: not here, in one transaction, but batch by batch."""
        tx.after_commit(wake_winding_up)

    return (
        On(
            remember_subscription,
            "subscriptions.subscription_requested.v1",
            "subscriptions.subscription_activated.v1",
            "subscriptions.subscription_rejected.v1",
            "subscriptions.subscription_cancelled.v1",
            "subscriptions.subscription_suspended.v1",
            "subscriptions.subscription_resumed.v1",
        ),
        On(remember_product, "catalog.product_created.v1", "catalog.product_changed.v1"),
        On(remember_published_version, "catalog.api_version_published.v1"),
        On(revoke_certificates, "identity.application_deleted.v1"),
        On(note_provider, "catalog.provider_standing_granted.v1"),
        # Batches meet in the same secrets: handled side by side they would only make one another run again.
        On(count_calls_by_secret, "enforcement.calls_recorded.v1", at_once=1),
        On(wind_up_organization, "identity.organization_deleted.v1"),
    )
