"""What subscriptions does when others announce something: it remembers, ends what lost its application, and reconsiders."""

from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from chassis.errors import Invalid
from chassis.inbox import On, copy_if_newer
from chassis.messages import Heard
from chassis.mongo import Transaction
from services.subscriptions.agreements import actions as agreements
from services.subscriptions.agreements.access import REPRESENTATIVE
from services.subscriptions.calls import actions as calls
from services.subscriptions.calls.domain import Batch, quarter_of
from services.subscriptions.connections import actions as connections
from services.subscriptions.connections import office
from services.subscriptions.permissions import actions as permissions
from services.subscriptions.permissions.domain import Act
from services.subscriptions.recertifications import actions as recertifications
from services.subscriptions.recertifications.domain import AGREEMENT, KINDS, PERMISSION, SUBSCRIPTION
from services.subscriptions.subscriptions import actions
from services.subscriptions.subscriptions.domain import Step

_TERMS = ("name", "rate_requests", "rate_seconds", "burst", "quota_calls", "quota_period", "quota_time_zone")
APPLICATION_DELETED = "The application was deleted."
GIVEN_UP = "It was given up in a recertification."


_Milliseconds = Annotated[int, Field(ge=0, lt=253_402_300_800_000)]


class AnnouncementNotUsable(Invalid):
    """The announcement lacks a field that is needed here, or has something else in it."""


def _take(heard: Heard, *names: str) -> dict[str, Any]:
    try:
        taken = {name: heard.data[name] for name in names}
    except KeyError as missing:
        raise AnnouncementNotUsable(f"{heard.key} {heard.id} lacks the field {missing}.") from missing
    for name, value in taken.items():
        if not isinstance(value, str | int):
            raise AnnouncementNotUsable(f"{heard.key} {heard.id} has no plain value in the field {name}.")
    return taken


def _moment(heard: Heard, name: str) -> datetime | None:
    """Return a moment that an announcement may lack."""
    text = heard.data.get(name)
    if text is None:
        return None
    try:
        moment = datetime.fromisoformat(text)
        if moment.tzinfo is None:
            raise ValueError("it lacks its offset from UTC")  # noqa: TRY301 - one way for all that is no moment
        return moment.astimezone(UTC)
    except (TypeError, ValueError, OverflowError) as error:
        raise AnnouncementNotUsable(f"{heard.key} {heard.id} has no moment in the field {name}.") from error


def _texts(told: object) -> list[str]:
    """Return those of what a list holds that are texts."""
    return [each for each in told if isinstance(each, str)] if isinstance(told, list) else []


async def remember_application(tx: Transaction, heard: Heard) -> None:
    """Keep who owns an application, and what it is called: that stays when the application has gone."""
    fields = {**_take(heard, "organization_id"), "is_deleted": False}
    await copy_if_newer(tx, "applications", heard, fields)
    await copy_if_newer(tx, "application_names", heard, _take(heard, "name", "client_id"))


async def remember_organization(tx: Transaction, heard: Heard) -> None:
    """Keep what an organization is called, and, from its beginning, whether it is for trying only."""
    await copy_if_newer(tx, "organization_names", heard, _take(heard, "name"))
    if "is_test" in heard.data:
        await copy_if_newer(tx, "test_organizations", heard, _take(heard, "is_test"))


async def remember_onboarding_request(tx: Transaction, heard: Heard) -> None:
    """Keep where an organization's onboarding request stands, to tell whom the organization waits for."""
    status = heard.key.split(".")[1].removeprefix("onboarding_").upper()
    await copy_if_newer(tx, "onboarding_requests", heard, {**_take(heard, "organization_id"), "status": status})


async def remember_data_exchange(tx: Transaction, heard: Heard) -> None:
    """Keep that an organization is onboarded, and under which number; its subscriptions are reconsidered."""
    if await copy_if_newer(tx, "data_exchanges", heard, _take(heard, "number")):
        await actions.reconsider(tx, None, organization_id=heard.subject)


async def remember_end_of_organization(tx: Transaction, heard: Heard) -> None:
    """Keep that an organization is gone; each of its applications is announced to be deleted by itself."""
    await copy_if_newer(tx, "ended_organizations", heard, {})


async def cancel_subscriptions_of_application(tx: Transaction, heard: Heard) -> None:
    """End the live subscriptions of an application that was deleted; its copy changes in the same transaction."""
    fields = {**_take(heard, "organization_id"), "is_deleted": True}
    await copy_if_newer(tx, "applications", heard, fields)
    actor = heard.actor or tx.principal.require_signed_in()
    await actions.cancel_all_of_application(tx, heard.subject, Step(actor, tx.now, APPLICATION_DELETED))


async def end_permissions_of_application(tx: Transaction, heard: Heard) -> None:
    """End what an application that was deleted was permitted or asked for; its copy changes in the same transaction."""
    fields = {**_take(heard, "organization_id"), "is_deleted": True}
    await copy_if_newer(tx, "applications", heard, fields)
    actor = heard.actor or tx.principal.require_signed_in()
    await permissions.end_all_of_application(tx, heard.subject, Act(actor, tx.now, APPLICATION_DELETED))


async def remember_product(tx: Transaction, heard: Heard) -> None:
    """Keep whose a product is, how sensitive and what it asks for; where it asks for something else now, reconsider."""
    before = await actions.asked_for(tx, heard.subject)
    told = heard.data.get("prerequisites")
    prerequisites = _texts(told) if isinstance(told, list) else None
    fields = {**_take(heard, "organization_id", "sensitivity"), "prerequisites": prerequisites}
    is_news = await copy_if_newer(tx, "products", heard, fields)
    if is_news and before not in (None, await actions.asked_for(tx, heard.subject)):
        await actions.reconsider(tx, heard.subject, once_more=True)


async def remember_published_version(tx: Transaction, heard: Heard) -> None:
    """Keep that a product has a version that is published, and which operations it has."""
    told = heard.data.get("operations")
    listed = [each for each in told if isinstance(each, dict)] if isinstance(told, list) else []
    operations = _texts([each.get("operation_id") for each in listed])
    await copy_if_newer(tx, "published_versions", heard, {**_take(heard, "product_id"), "operations": operations})


async def forget_retired_version(tx: Transaction, heard: Heard) -> None:
    """Keep that nothing of a version can be called any more: nobody is permitted to call it, or subscribes for it alone."""
    fields = {**_take(heard, "product_id"), "operations": [], "is_retired": True}
    await copy_if_newer(tx, "published_versions", heard, fields)


async def remember_plan(tx: Transaction, heard: Heard) -> None:
    """Keep which product a plan belongs to, who approves, and when it is offered."""
    is_withdrawn = heard.key.startswith("catalog.plan_withdrawn.")
    validity = {name: _moment(heard, name) for name in ("valid_from", "valid_to")}
    terms = {name: heard.data[name] for name in _TERMS if name in heard.data}
    fields = {**_take(heard, "product_id", "approval"), **terms, "is_withdrawn": is_withdrawn, **validity}
    await copy_if_newer(tx, "plans", heard, fields)


async def remember_member(tx: Transaction, heard: Heard) -> None:
    """Keep who belongs to which organization: whoever decides in somebody's place belongs to the same one."""
    fields = _take(heard, "organization_id", "user_id")
    is_member = heard.key.startswith("identity.member_joined.")
    membership = replace(heard, subject=f"{fields['organization_id']}:{fields['user_id']}")
    await copy_if_newer(tx, "members", membership, {**fields, "is_member": is_member})


async def remember_platform_role(tx: Transaction, heard: Heard) -> None:
    """Keep who holds which platform role; the requests of a business representative who is none any more wait for another."""
    fields = _take(heard, "user_id", "role")
    is_held = heard.key.startswith("identity.platform_role_granted.")
    holding = replace(heard, subject=f"{fields['user_id']}:{fields['role']}")
    await copy_if_newer(tx, "platform_roles", holding, {**fields, "is_held": is_held})
    if fields["role"] == REPRESENTATIVE:
        await office.release_requests_of(tx, fields["user_id"])


async def remember_file(tx: Transaction, heard: Heard) -> None:
    """Keep who has uploaded which file, so that they can attach it."""
    fields = _take(heard, "file_id", "uploaded_by", "name", "content_type", "size", "sha256")
    await copy_if_newer(tx, "kept_files", replace(heard, subject=fields.pop("file_id")), fields)


async def note_finding(tx: Transaction, heard: Heard) -> None:
    """Keep what was found out about the signatures of a file."""
    fields = _take(heard, "file_id", "verdict")
    judged_at = _moment(heard, "judged_at") or heard.time
    file = replace(heard, subject=fields.pop("file_id"))
    await copy_if_newer(tx, "file_findings", file, {**fields, "judged_at": judged_at})


async def give_up_file(tx: Transaction, heard: Heard) -> None:
    """Note that a file could not be attached after all: whoever gave it gives another one."""
    fields = _take(heard, "file_id", "attached_to", "reason")
    await agreements.give_up_file(tx, fields["attached_to"], fields["file_id"], fields["reason"])


async def withdraw_connection_requests_of_organization(tx: Transaction, heard: Heard) -> None:
    """Withdraw what a deleted organization has asked for; that it is gone is kept in the same transaction."""
    await copy_if_newer(tx, "ended_organizations", heard, {})
    await connections.withdraw_all_of_organization(tx, heard.subject)


async def reconsider_by_permission(tx: Transaction, heard: Heard) -> None:
    """Hold or let go the subscription of an application whose permission for the product is another one now."""
    about = _take(heard, "product_id", "application_id")
    await actions.reconsider(tx, about["product_id"], application_id=about["application_id"])


async def reconsider_by_agreement(tx: Transaction, heard: Heard) -> None:
    """Hold or let go an organization's subscriptions: what was agreed with a provider may stand for all of its products."""
    await actions.reconsider(tx, None, organization_id=_take(heard, "organization_id")["organization_id"])


async def hold_unconfirmed(tx: Transaction, heard: Heard) -> None:
    """Hold the subscriptions that rest on what was not confirmed in time, or let them go once it is confirmed after all."""
    about = _take(heard, "kind", "subject_id", "organization_id")
    if about["kind"] not in KINDS:
        return
    is_confirmed = heard.key.startswith("recertification.item_confirmed.")
    await recertifications.note(tx, heard, about, is_confirmed=is_confirmed)
    if about["kind"] == SUBSCRIPTION:
        await actions.reconsider_subscription(tx, about["subject_id"])
    else:
        # One that began unaware, resting on the same, is looked at again.
        await actions.reconsider(tx, None, organization_id=about["organization_id"], once_more=True)


async def end_given_up(tx: Transaction, heard: Heard) -> None:
    """End what its organization does not need any more."""
    about = _take(heard, "kind", "subject_id")
    end = _ENDS.get(str(about["kind"]))
    if end is not None:
        await end(tx, str(about["subject_id"]), GIVEN_UP)


_ENDS = {
    SUBSCRIPTION: actions.end_unneeded,
    PERMISSION: permissions.revoke_unneeded,
    AGREEMENT: agreements.end_unneeded,
}


class _Call(BaseModel):
    model_config = ConfigDict(frozen=True)

    at: _Milliseconds
    subscription_id: str | None = None
    rejection: str | None = None


class _Calls(BaseModel):
    model_config = ConfigDict(frozen=True)

    source: str
    records: tuple[_Call, ...]
    read_through: _Milliseconds | None = None


def _at(milliseconds: int) -> datetime:
    return datetime.fromtimestamp(milliseconds / 1000, UTC)


async def count_calls(tx: Transaction, heard: Heard) -> None:
    """Count the calls of subscriptions that passed, for whoever wants to know what another plan would mean."""
    try:
        told = _Calls.model_validate(heard.data)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(str(part) for part in first["loc"])
        raise AnnouncementNotUsable(f"{heard.key} {heard.id}: {place}: {first['msg']}.") from error
    passed = Counter(
        (each.subscription_id, quarter_of(_at(each.at)))
        for each in told.records
        # What the upstream did not answer has passed, and counts against the quota.
        if each.subscription_id is not None and (each.rejection is None or each.rejection.startswith("UPSTREAM_"))
    )
    read_through = None if told.read_through is None else _at(told.read_through)
    await calls.count(tx, Batch(told.source, read_through, dict(passed)))


REACTIONS = (
    On(remember_application, "identity.application_created.v1", "identity.application_changed.v1"),
    On(remember_organization, "identity.organization_created.v1", "identity.organization_renamed.v1"),
    On(remember_end_of_organization, "identity.organization_deleted.v1"),
    On(remember_data_exchange, "identity.data_exchange_assigned.v1"),
    On(
        remember_onboarding_request,
        "identity.onboarding_submitted.v1",
        "identity.onboarding_returned.v1",
        "identity.onboarding_approved.v1",
        "identity.onboarding_rejected.v1",
        "identity.onboarding_withdrawn.v1",
    ),
    On(cancel_subscriptions_of_application, "identity.application_deleted.v1", takes_republished=True),
    On(end_permissions_of_application, "identity.application_deleted.v1", takes_republished=True),
    On(remember_product, "catalog.product_created.v1", "catalog.product_changed.v1"),
    On(remember_published_version, "catalog.api_version_published.v1"),
    On(remember_member, "identity.member_joined.v1", "identity.member_removed.v1"),
    On(remember_platform_role, "identity.platform_role_granted.v1", "identity.platform_role_withdrawn.v1"),
    On(remember_file, "identity.file_kept.v1"),
    On(note_finding, "identity.document_judged.v1", takes_republished=True),
    On(give_up_file, "identity.file_not_attached.v1"),
    On(withdraw_connection_requests_of_organization, "identity.organization_deleted.v1", takes_republished=True),
    On(forget_retired_version, "catalog.api_version_retired.v1", takes_republished=True),
    On(
        reconsider_by_permission,
        *(f"subscriptions.permission_{each}.v1" for each in ("granted", "began", "refused", "revoked", "lapsed", "extended")),
    ),
    On(
        reconsider_by_agreement,
        *(f"subscriptions.agreement_{each}.v1" for each in ("confirmed", "began", "lapsed")),
        "subscriptions.connection_completed.v1",
    ),
    On(hold_unconfirmed, "recertification.item_not_confirmed.v1", "recertification.item_confirmed.v1"),
    On(end_given_up, "recertification.item_given_up.v1"),
    # Batches meet in the same counts: handled side by side they would only make one another run again.
    On(count_calls, "enforcement.calls_recorded.v1", at_once=1),
    On(remember_plan, "catalog.plan_created.v1", "catalog.plan_changed.v1", "catalog.plan_withdrawn.v1"),
)
