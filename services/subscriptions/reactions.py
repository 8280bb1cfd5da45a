"""What subscriptions does when others announce something: it remembers, and ends what lost its application."""

from dataclasses import replace
from datetime import datetime
from typing import Any

from chassis.errors import Invalid
from chassis.inbox import On, copy_if_newer
from chassis.messages import Heard
from chassis.mongo import Transaction
from services.subscriptions.agreements import actions as agreements
from services.subscriptions.connections import actions as connections
from services.subscriptions.subscriptions import actions
from services.subscriptions.subscriptions.domain import Step

APPLICATION_DELETED = "The application was deleted."


class AnnouncementNotUsable(Invalid):
    """The announcement lacks a field that is needed here."""


def _take(heard: Heard, *names: str) -> dict[str, Any]:
    try:
        return {name: heard.data[name] for name in names}
    except KeyError as missing:
        raise AnnouncementNotUsable(f"{heard.key} {heard.id} lacks the field {missing}.") from missing


async def remember_application(tx: Transaction, heard: Heard) -> None:
    """Keep who owns an application, and what it is called: that stays when the application has gone."""
    fields = {**_take(heard, "organization_id"), "is_deleted": False}
    await copy_if_newer(tx, "applications", heard, fields)
    await copy_if_newer(tx, "application_names", heard, _take(heard, "name", "client_id"))


async def remember_organization(tx: Transaction, heard: Heard) -> None:
    """Keep what an organization is called."""
    await copy_if_newer(tx, "organization_names", heard, _take(heard, "name"))


async def remember_end_of_organization(tx: Transaction, heard: Heard) -> None:
    """Keep that an organization is gone; each of its applications is announced to be deleted by itself."""
    await copy_if_newer(tx, "ended_organizations", heard, {})


async def cancel_subscriptions_of_application(tx: Transaction, heard: Heard) -> None:
    """End the live subscriptions of an application that was deleted; its copy changes in the same transaction."""
    fields = {**_take(heard, "organization_id"), "is_deleted": True}
    await copy_if_newer(tx, "applications", heard, fields)
    actor = heard.actor or tx.principal.require_signed_in()
    await actions.cancel_all_of_application(tx, heard.subject, Step(actor, tx.now, APPLICATION_DELETED))


async def remember_product(tx: Transaction, heard: Heard) -> None:
    """Keep whose a product is, how sensitive, and what it asks for before it is called."""
    told = heard.data.get("prerequisites")
    fields = {**_take(heard, "organization_id", "sensitivity"), "prerequisites": told if isinstance(told, list) else None}
    await copy_if_newer(tx, "products", heard, fields)


async def remember_published_version(tx: Transaction, heard: Heard) -> None:
    """Keep that a product has a version that is published."""
    await copy_if_newer(tx, "published_versions", heard, _take(heard, "product_id"))


async def remember_plan(tx: Transaction, heard: Heard) -> None:
    """Keep which product a plan belongs to, who approves, and whether it is still offered."""
    is_withdrawn = heard.key.startswith("catalog.plan_withdrawn.")
    fields = {**_take(heard, "product_id", "approval"), "is_withdrawn": is_withdrawn}
    await copy_if_newer(tx, "plans", heard, fields)


async def remember_member(tx: Transaction, heard: Heard) -> None:
    """Keep who belongs to which organization: whoever decides in somebody's place belongs to the same one."""
    fields = _take(heard, "organization_id", "user_id")
    is_member = heard.key.startswith("identity.member_joined.")
    membership = replace(heard, subject=f"{fields['organization_id']}:{fields['user_id']}")
    await copy_if_newer(tx, "members", membership, {**fields, "is_member": is_member})


async def remember_platform_role(tx: Transaction, heard: Heard) -> None:
    """Keep who holds which platform role: a connection request is assigned to somebody who may run it."""
    fields = _take(heard, "user_id", "role")
    is_held = heard.key.startswith("identity.platform_role_granted.")
    holding = replace(heard, subject=f"{fields['user_id']}:{fields['role']}")
    await copy_if_newer(tx, "platform_roles", holding, {**fields, "is_held": is_held})


async def remember_file(tx: Transaction, heard: Heard) -> None:
    """Keep who has uploaded which file, so that they can attach it."""
    fields = _take(heard, "file_id", "uploaded_by", "name", "content_type", "size", "sha256")
    await copy_if_newer(tx, "kept_files", replace(heard, subject=fields.pop("file_id")), fields)


async def note_finding(tx: Transaction, heard: Heard) -> None:
    """Keep what was found out about the signatures of a file."""
    fields = _take(heard, "file_id", "verdict")
    judged_at = heard.data.get("judged_at")
    moment = datetime.fromisoformat(judged_at) if judged_at else heard.time
    file = replace(heard, subject=fields.pop("file_id"))
    await copy_if_newer(tx, "file_findings", file, {**fields, "judged_at": moment})


async def give_up_file(tx: Transaction, heard: Heard) -> None:
    """Note that a file could not be attached after all: whoever gave it gives another one."""
    fields = _take(heard, "file_id", "attached_to", "reason")
    await agreements.give_up_file(tx, fields["attached_to"], fields["file_id"], fields["reason"])


async def withdraw_connection_requests_of_organization(tx: Transaction, heard: Heard) -> None:
    """Withdraw what a deleted organization has asked for."""
    await connections.withdraw_all_of_organization(tx, heard.subject)


REACTIONS = (
    On(remember_application, "identity.application_created.v1", "identity.application_changed.v1"),
    On(remember_organization, "identity.organization_created.v1", "identity.organization_renamed.v1"),
    On(remember_end_of_organization, "identity.organization_deleted.v1"),
    On(cancel_subscriptions_of_application, "identity.application_deleted.v1"),
    On(remember_product, "catalog.product_created.v1", "catalog.product_changed.v1"),
    On(remember_published_version, "catalog.api_version_published.v1"),
    On(remember_member, "identity.member_joined.v1", "identity.member_removed.v1"),
    On(remember_platform_role, "identity.platform_role_granted.v1", "identity.platform_role_withdrawn.v1"),
    On(remember_file, "identity.file_kept.v1"),
    On(note_finding, "identity.document_judged.v1"),
    On(give_up_file, "identity.file_not_attached.v1"),
    On(withdraw_connection_requests_of_organization, "identity.organization_deleted.v1"),
    On(remember_plan, "catalog.plan_created.v1", "catalog.plan_changed.v1", "catalog.plan_withdrawn.v1"),
)
