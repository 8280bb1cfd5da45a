"""Remembering what others announce. Announcements come in any order and any number of times: the latest of a thing counts."""

from typing import Any

from chassis.messages import Heard
from chassis.mongo import Transaction
from services.notifications.known import repository
from services.notifications.known.repository import (
    APPLICATIONS,
    MEMBERS,
    ORGANIZATIONS,
    PEOPLE,
    PRODUCTS,
    REPRESENTATIVES,
    ROLES,
    SUSPENSIONS,
    keep,
)


async def remember_person(tx: Transaction, heard: Heard, fields: dict[str, Any]) -> None:
    """Keep how somebody is called, written to, and what of the staff. A new address is not known to refuse anything."""
    await keep(tx, PEOPLE, heard, {**fields, "is_erased": False, "refused_at": None}, subject=heard.subject)


async def forget_person(tx: Transaction, heard: Heard, user_id: str) -> None:
    """Forget somebody who is erased: what stays is that the id is nobody's, so that nothing older brings them back."""
    blank: dict[str, Any] = {"name": None, "language": None, "sealed_address": None, "platform_roles": [], "refused_at": None}
    await keep(tx, PEOPLE, heard, {**blank, "is_erased": True}, subject=user_id)
    await repository.forget_member_copies(tx, {"user_id": user_id})


async def remember_roles(tx: Transaction, heard: Heard, actions_by_role: dict[str, list[str]]) -> None:
    """Keep what each role allows."""
    await keep(tx, ROLES, heard, {"actions_by_role": actions_by_role}, subject="roles")


async def remember_organization(tx: Transaction, heard: Heard, organization_id: str, name: str) -> None:
    """Keep what an organization is called."""
    await keep(tx, ORGANIZATIONS, heard, {"name": name, "is_deleted": False}, subject=organization_id)


async def forget_organization(tx: Transaction, heard: Heard, organization_id: str) -> None:
    """Forget an organization and who belonged to it; what stays is that it is gone."""
    await keep(tx, ORGANIZATIONS, heard, {"name": None, "is_deleted": True}, subject=organization_id)
    await repository.forget_member_copies(tx, {"organization_id": organization_id})


async def remember_member(tx: Transaction, heard: Heard, who: tuple[str, str], role: str | None, *, has_joined: bool) -> None:
    """Keep the role of somebody (organization and user), or that they are no member any more (None)."""
    organization_id, user_id = who
    key = f"{organization_id}:{user_id}"
    fields = {"organization_id": organization_id, "user_id": user_id, "role": role, "is_member": role is not None}
    is_news = await keep(tx, MEMBERS, heard, fields, subject=key)
    if has_joined:
        await repository.note_since(tx, key, heard.sequence, is_news=is_news)


async def remember_suspension(tx: Transaction, heard: Heard, who: tuple[str, str], *, is_suspended: bool) -> None:
    """Keep whether the rights of a member (organization and user) stand still."""
    organization_id, user_id = who
    fields = {"organization_id": organization_id, "user_id": user_id, "is_suspended": is_suspended}
    await keep(tx, SUSPENSIONS, heard, fields, subject=f"{organization_id}:{user_id}")


async def remember_application(tx: Transaction, heard: Heard, organization_id: str, name: str | None) -> None:
    """Keep what an application is called, or that it is gone (None)."""
    await keep(tx, APPLICATIONS, heard, {"organization_id": organization_id, "name": name}, subject=heard.subject)


async def remember_product(tx: Transaction, heard: Heard, title: str | None, titles: dict[str, str]) -> None:
    """Keep what a product is called, in which languages."""
    await keep(tx, PRODUCTS, heard, {"title": title, "titles": titles}, subject=heard.subject)


async def remember_representative(tx: Transaction, heard: Heard, request_id: str, user_id: str | None) -> None:
    """Keep who looks after a connection request for the operator, if anybody."""
    await keep(tx, REPRESENTATIVES, heard, {"user_id": user_id}, subject=request_id)
