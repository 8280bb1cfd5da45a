"""What support does when others announce something: it remembers whose things are, and ends what lost its people."""

from collections.abc import Sequence
from typing import Any

from chassis.errors import Invalid
from chassis.inbox import On
from chassis.messages import Heard
from chassis.mongo import Transaction
from services.notifications.incoming import addresses
from services.notifications.incoming.addresses import AddressBook
from services.notifications.support import access, actions, things


class SupportAnnouncementNotUsable(Invalid):
    """The announcement lacks a field that is needed here, or has something else in it."""


def _text(heard: Heard, name: str) -> str:
    value: Any = heard.data.get(name)
    if not isinstance(value, str):
        raise SupportAnnouncementNotUsable(f"{heard.key} {heard.id} has no text in the field {name}.")
    return value


async def remember_support_thing(tx: Transaction, heard: Heard) -> None:
    """Keep whose a thing is, so that a support request can be about it."""
    await things.remember(tx, heard)


async def remember_product_for_support(tx: Transaction, heard: Heard) -> None:
    """Keep that a product is published: everybody may ask about it."""
    await things.remember_published(tx, heard)


async def close_support_requests_of_organization(tx: Transaction, heard: Heard) -> None:
    """Close what a deleted organization has asked."""
    await actions.close_all_of_organization(tx, heard.subject)


async def release_support_requests(tx: Transaction, heard: Heard) -> None:
    """Let the requests of somebody who is of the staff no more wait for another one."""
    if _text(heard, "role") in access.STAFF:
        await actions.release_requests_of(tx, _text(heard, "user_id"))


async def erase_support_requests(tx: Transaction, heard: Heard) -> None:
    """Forget what only an erased person and the operator saw, and the person's address."""
    await actions.erase_person(tx, _text(heard, "user_id"))
    await addresses.forget(tx, heard)


def support_reactions(book: AddressBook) -> Sequence[On]:
    """Return the reactions; ``book`` opens addresses that identity has sealed."""

    async def remember_support_address(tx: Transaction, heard: Heard) -> None:
        """Keep by which address somebody writes."""
        await addresses.remember(tx, heard, book)

    return (
        On(remember_support_thing, *things.ANNOUNCED),
        On(remember_product_for_support, "catalog.api_version_published.v1"),
        On(close_support_requests_of_organization, "identity.organization_deleted.v1"),
        On(release_support_requests, "identity.platform_role_withdrawn.v1"),
        On(erase_support_requests, "identity.user_erased.v1"),
        On(remember_support_address, "identity.user_reachable.v1"),
    )
