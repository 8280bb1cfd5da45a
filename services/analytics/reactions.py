"""What analytics does when others announce something: it counts calls, and remembers names and owners."""

from typing import Any

from pydantic import ValidationError

from chassis.errors import Invalid
from chassis.inbox import On, copy_if_newer
from chassis.messages import Heard
from chassis.mongo import Transaction
from services.analytics.calls import actions
from services.analytics.calls.domain import Batch


class AnnouncementNotUsable(Invalid):
    """The announcement lacks a field that is needed here, or holds something else in it."""


def _take(heard: Heard, *names: str) -> dict[str, Any]:
    try:
        return {name: heard.data[name] for name in names}
    except KeyError as missing:
        raise AnnouncementNotUsable(f"{heard.key} {heard.id} lacks the field {missing}.") from missing


async def ingest_calls(tx: Transaction, heard: Heard) -> None:
    """Count a batch of calls, once."""
    try:
        batch = Batch.model_validate(heard.data)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(str(part) for part in first["loc"])
        raise AnnouncementNotUsable(f"{heard.key} {heard.id}: {place}: {first['msg']}.") from error
    await actions.ingest(tx, batch)


async def remember_application(tx: Transaction, heard: Heard) -> None:
    """Keep what an application is called and whose it is; its usage outlives it."""
    await copy_if_newer(tx, "applications", heard, _take(heard, "organization_id", "name"))


async def remember_organization(tx: Transaction, heard: Heard) -> None:
    """Keep what an organization is called."""
    await copy_if_newer(tx, "organizations", heard, _take(heard, "name"))


async def remember_product(tx: Transaction, heard: Heard) -> None:
    """Keep what a product is called and whose it is."""
    await copy_if_newer(tx, "products", heard, _take(heard, "organization_id", "title"))


async def remember_version(tx: Transaction, heard: Heard) -> None:
    """Keep what a version and its operations are called."""
    fields = _take(heard, "product_id", "title", "label", "operations")
    names = [_name_of(heard, each) for each in fields["operations"]]
    await copy_if_newer(tx, "versions", heard, {**fields, "operations": names})


def _name_of(heard: Heard, operation: Any) -> dict[str, str]:
    try:
        return {"operation_id": operation["operation_id"], "name": f"{operation['method'].upper()} {operation['path']}"}
    except KeyError as missing:
        raise AnnouncementNotUsable(f"{heard.key} {heard.id}: an operation lacks the field {missing}.") from missing


async def remember_plan(tx: Transaction, heard: Heard) -> None:
    """Keep what a plan is called."""
    await copy_if_newer(tx, "plans", heard, _take(heard, "product_id", "name"))


REACTIONS = (
    # Batches meet in the same roll-ups: handled side by side they would only make one another run again.
    On(ingest_calls, "enforcement.calls_recorded.v1", at_once=1),
    On(remember_application, "identity.application_created.v1", "identity.application_changed.v1"),
    On(remember_organization, "identity.organization_created.v1", "identity.organization_renamed.v1"),
    On(remember_product, "catalog.product_created.v1", "catalog.product_changed.v1"),
    On(remember_version, "catalog.api_version_published.v1"),
    On(remember_plan, "catalog.plan_created.v1", "catalog.plan_changed.v1", "catalog.plan_withdrawn.v1"),
)
