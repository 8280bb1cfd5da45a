"""What the catalogue does when others announce something."""

from dataclasses import replace
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from chassis.errors import Invalid
from chassis.inbox import On, copy_if_newer
from chassis.messages import Heard
from chassis.mongo import Transaction
from services.catalog.callers import actions as callers
from services.catalog.callers.domain import Call
from services.catalog.providers import actions as providers

_AGREEMENT_CONFIRMED = "subscriptions.agreement_confirmed.v1"


class AnnouncementNotUsable(Invalid):
    """The announcement lacks a field that is needed here, or holds something else in it."""


def _take(heard: Heard, *names: str) -> dict[str, Any]:
    try:
        return {name: heard.data[name] for name in names}
    except KeyError as missing:
        raise AnnouncementNotUsable(f"{heard.key} {heard.id} lacks the field {missing}.") from missing


async def remember_organization(tx: Transaction, heard: Heard) -> None:
    """Keep the organization's name, to show it beside its products and to know that it exists."""
    await providers.remember(tx, heard)


async def remember_end_of_organization(tx: Transaction, heard: Heard) -> None:
    """Keep that an organization is gone: it becomes no provider any more; its name stays beside what it published."""
    await providers.remember_end(tx, heard)


async def remember_application(tx: Transaction, heard: Heard) -> None:
    """Keep whose an application is and what it is called: a provider reads who calls a version that is to end."""
    await copy_if_newer(tx, "application_names", heard, _take(heard, "organization_id", "name"))


async def remember_end_of_application(tx: Transaction, heard: Heard) -> None:
    """Keep that an application is gone: it calls nothing any more; its name stays."""
    await copy_if_newer(tx, "ended_applications", heard, _take(heard, "organization_id"))


async def remember_subscription(tx: Transaction, heard: Heard) -> None:
    """Keep which application is subscribed to which product, and how that stands."""
    fields = _take(heard, "subscription_id", "application_id", "organization_id", "product_id", "status")
    await copy_if_newer(tx, "subscriptions", replace(heard, subject=fields.pop("subscription_id")), fields)


async def remember_agreement(tx: Transaction, heard: Heard) -> None:
    """Keep whether an agreement to a product is in force."""
    fields = _take(heard, "agreement_id", "organization_id", "product_id")
    agreement_id = fields.pop("agreement_id")
    fields["is_in_force"] = heard.key == _AGREEMENT_CONFIRMED
    await copy_if_newer(tx, "agreements", replace(heard, subject=agreement_id), fields)


# Later than any call, and still a date.
_Milliseconds = Annotated[int, Field(ge=0, le=4_102_444_800_000)]


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True)

    at: _Milliseconds
    application_id: str | None = None
    organization_id: str | None = None
    product_id: str | None = None
    version_id: str | None = None
    rejection: str | None = None

    def to_call(self) -> Call:
        return Call(**dict(self))


class _Records(BaseModel):
    model_config = ConfigDict(frozen=True)

    records: tuple[_Record, ...]


async def count_calls(tx: Transaction, heard: Heard) -> None:
    """Count a batch of calls by version, application and day."""
    try:
        batch = _Records.model_validate(heard.data)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(str(part) for part in first["loc"])
        raise AnnouncementNotUsable(f"{heard.key} {heard.id}: {place}: {first['msg']}.") from error
    await callers.count(tx, (each.to_call() for each in batch.records))


REACTIONS = (
    On(remember_organization, "identity.organization_created.v1", "identity.organization_renamed.v1"),
    On(remember_end_of_organization, "identity.organization_deleted.v1"),
    On(remember_application, "identity.application_created.v1", "identity.application_changed.v1"),
    On(remember_end_of_application, "identity.application_deleted.v1"),
    On(
        remember_subscription,
        "subscriptions.subscription_requested.v1",
        "subscriptions.subscription_activated.v1",
        "subscriptions.subscription_suspended.v1",
        "subscriptions.subscription_resumed.v1",
        "subscriptions.subscription_rejected.v1",
        "subscriptions.subscription_cancelled.v1",
    ),
    On(remember_agreement, _AGREEMENT_CONFIRMED, "subscriptions.agreement_lapsed.v1"),
    # Batches meet in the same tallies: handled side by side they would only make one another run again.
    On(count_calls, "enforcement.calls_recorded.v1", at_once=1),
)
