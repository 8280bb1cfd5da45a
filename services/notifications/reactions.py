"""What notifications does when others, or itself, announce something."""

from typing import Any

from chassis.errors import Invalid
from chassis.inbox import On
from chassis.messages import Heard
from chassis.mongo import Transaction
from services.notifications.known import actions as known
from services.notifications.mail import actions as mail
from services.notifications.notices import actions as notices
from services.notifications.notices.actions import NewsDesk
from services.notifications.notices.table import KEYS


class AnnouncementNotUsable(Invalid):
    """The announcement lacks a field that is needed here."""


def _take(heard: Heard, name: str) -> str:
    value = heard.data.get(name)
    if not isinstance(value, str):
        raise AnnouncementNotUsable(f"{heard.key} {heard.id} lacks the field {name}.")
    return value


def _texts(told: object) -> list[str]:
    return [each for each in told if isinstance(each, str)] if isinstance(told, list) else []


async def remember_person(tx: Transaction, heard: Heard) -> None:
    """Keep how somebody is called and written to, in which language, and what of the staff."""
    fields: dict[str, Any] = {name: _take(heard, name) for name in ("name", "language", "sealed_address")}
    await known.remember_person(tx, heard, fields | {"platform_roles": _texts(heard.data.get("platform_roles"))})


async def forget_person(tx: Transaction, heard: Heard) -> None:
    """Forget somebody whose account is erased, with all that they were told."""
    user_id = _take(heard, "user_id")
    await known.forget_person(tx, heard, user_id)
    await mail.withdraw(tx, user_id)
    await notices.forget(tx, user_id)


async def remember_roles(tx: Transaction, heard: Heard) -> None:
    """Keep what each role allows."""
    told = heard.data.get("actions_by_role")
    if not isinstance(told, dict):
        raise AnnouncementNotUsable(f"{heard.key} {heard.id} lacks the field actions_by_role.")
    await known.remember_roles(tx, heard, {str(role): _texts(actions) for role, actions in told.items()})


async def remember_organization(tx: Transaction, heard: Heard) -> None:
    """Keep what an organization is called."""
    await known.remember_organization(tx, heard, _take(heard, "organization_id"), _take(heard, "name"))


async def forget_organization(tx: Transaction, heard: Heard) -> None:
    """Forget an organization that was deleted; nobody is told of it any more."""
    await known.forget_organization(tx, heard, _take(heard, "organization_id"))


async def remember_member(tx: Transaction, heard: Heard) -> None:
    """Keep who belongs to an organization in which role, or does so no more."""
    who = (_take(heard, "organization_id"), _take(heard, "user_id"))
    role = None if heard.key.startswith("identity.member_removed.") else _take(heard, "role")
    await known.remember_member(tx, heard, who, role, has_joined=heard.key.startswith("identity.member_joined."))


async def remember_suspension(tx: Transaction, heard: Heard) -> None:
    """Keep whether the rights of a member stand still: who may do nothing is told nothing."""
    who = (_take(heard, "organization_id"), _take(heard, "user_id"))
    is_suspended = heard.key.startswith("identity.member_suspended.")
    await known.remember_suspension(tx, heard, who, is_suspended=is_suspended)


async def remember_owner(tx: Transaction, heard: Heard) -> None:
    """Keep who owns an organization now; the former Owner is an Administrator."""
    organization_id = _take(heard, "organization_id")
    for field, role in (("owner_id", "OWNER"), ("former_owner_id", "ADMINISTRATOR")):
        await known.remember_member(tx, heard, (organization_id, _take(heard, field)), role, has_joined=False)


async def remember_application(tx: Transaction, heard: Heard) -> None:
    """Keep what an application is called, or that it is gone."""
    name = None if heard.key.startswith("identity.application_deleted.") else _take(heard, "name")
    await known.remember_application(tx, heard, _take(heard, "organization_id"), name)


async def remember_product(tx: Transaction, heard: Heard) -> None:
    """Keep what a product is called, in the languages that it has."""
    title, titles = heard.data.get("title"), heard.data.get("titles")
    in_languages = titles if isinstance(titles, dict) else {}
    known_titles = {str(language): each for language, each in in_languages.items() if isinstance(each, str)}
    await known.remember_product(tx, heard, title if isinstance(title, str) else None, known_titles)


async def remember_representative(tx: Transaction, heard: Heard) -> None:
    """Keep who looks after a connection request for the operator, if anybody."""
    is_released = heard.key.startswith("subscriptions.representative_released.")
    user_id = None if is_released else _take(heard, "representative_id")
    await known.remember_representative(tx, heard, _take(heard, "request_id"), user_id)


COPIES = (
    On(remember_person, "identity.user_reachable.v1"),
    On(forget_person, "identity.user_erased.v1", takes_republished=True),
    On(remember_roles, "identity.roles_described.v1"),
    On(remember_organization, "identity.organization_created.v1", "identity.organization_renamed.v1"),
    On(forget_organization, "identity.organization_deleted.v1", takes_republished=True),
    On(remember_member, "identity.member_joined.v1", "identity.role_changed.v1", "identity.member_removed.v1"),
    On(remember_suspension, "identity.member_suspended.v1", "identity.member_resumed.v1"),
    On(remember_owner, "identity.owner_changed.v1"),
    On(
        remember_application,
        "identity.application_created.v1",
        "identity.application_changed.v1",
        "identity.application_deleted.v1",
    ),
    On(remember_product, "catalog.product_created.v1", "catalog.product_changed.v1"),
    On(remember_representative, "subscriptions.representative_assigned.v1", "subscriptions.representative_released.v1"),
)


def reactions(desk: NewsDesk) -> tuple[On, ...]:
    """Return the reactions."""

    async def inform_people(tx: Transaction, heard: Heard) -> None:
        """Tell everybody whom it concerns, in the inbox and by mail."""
        await notices.inform_people(tx, heard, desk)

    return (*COPIES, On(inform_people, *KEYS))
