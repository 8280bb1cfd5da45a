"""What can be done with organizations: opening, naming, handing over, closing."""

from dataclasses import replace
from datetime import timedelta

from chassis.ids import new_id
from chassis.inbox import copy_if_newer
from chassis.messages import Event, Heard
from chassis.mongo import Transaction
from services.identity import throttles
from services.identity.accounts.actions import announce_rights, hold_viewer
from services.identity.organizations import access, repository
from services.identity.organizations.access import Standing
from services.identity.organizations.domain import CHANGE, TRANSFER, Organization, found
from services.identity.throttles import Limit

_CREATIONS = Limit("create-organization", tries=100, window=timedelta(hours=1))
_OWNERS = Limit("change-owner", tries=30, window=timedelta(hours=1))


async def open_organization(tx: Transaction, name: str, owner_id: str, *, is_test: bool) -> Organization:
    """Make an organization with its Owner (for those who have checked that this may be)."""
    organization = Organization(new_id("org"), name, is_test, owner_id, created_at=tx.now)
    membership, created = found(organization, new_id("mem"))
    await repository.add_organization(tx, organization)
    await repository.add_membership(tx, membership)
    await announce(tx, created, organization)
    await announce(tx, membership.joined(organization), organization)
    await announce_rights(tx, [owner_id])
    return organization


async def create_organization(tx: Transaction, name: str) -> Organization:
    """Make an organization whose Owner is the one who asks. Raises ``SignInFirst`` or ``TriedTooOften``."""
    owner_id = (await hold_viewer(tx)).id
    await throttles.count_try(tx, _CREATIONS, owner_id)
    return await open_organization(tx, name, owner_id, is_test=False)


async def rename_organization(tx: Transaction, organization_id: str, name: str) -> Organization:
    """Give an organization another name."""
    organization = (await access.require(tx, "RENAME_ORGANIZATION", organization_id)).organization
    if organization.name == name:
        return organization
    renamed, fact = organization.rename(name)
    await repository.save_name(tx, renamed)
    await announce(tx, fact, renamed)
    return renamed


async def close_organization(tx: Transaction, organization: Organization) -> None:
    """Delete an organization (for those who have checked that this may be). Raises ``ProviderStays``.

    It is nobody's from this moment; its members, invitations and applications are ended afterwards, batch by batch.
    """
    deleted = organization.delete()
    await repository.bury(tx, organization)
    await announce(tx, deleted, organization)
    await announce_rights(tx, [organization.owner_id])


async def delete_organization(tx: Transaction, organization_id: str, name: str) -> Organization:
    """Delete an organization whose name was typed again. Raises ``NameNotRepeated`` or ``ProviderStays``."""
    organization = (await access.require(tx, "DELETE_ORGANIZATION", organization_id)).organization
    organization.repeat(name)
    await close_organization(tx, organization)
    return organization


async def transfer_ownership(tx: Transaction, organization_id: str, user_id: str) -> Organization:
    """Make another member the Owner, as the Owner. Raises ``NoSuchMember``, ``AlreadyOwner`` or ``TriedTooOften``."""
    standing = await access.require(tx, "TRANSFER_OWNERSHIP", organization_id)
    return await _hand_over(tx, standing, user_id, TRANSFER)


async def change_owner(tx: Transaction, organization_id: str, user_id: str) -> Organization:
    """Make a member the Owner, as an Administrator. Raises ``NoSuchMember``, ``AlreadyOwner`` or ``TriedTooOften``."""
    standing = await access.require(tx, "CHANGE_OWNER", organization_id)
    return await _hand_over(tx, standing, user_id, CHANGE)


async def note_provider(tx: Transaction, heard: Heard, organization_id: str, *, is_provider: bool) -> None:
    """Note whether the operator lets an organization be a data provider, unless something later is known of it.

    As long as it is one, it is not deleted.
    """
    if await copy_if_newer(tx, "provider_standings", replace(heard, subject=organization_id), {"is_provider": is_provider}):
        await repository.note_provider(tx, organization_id, is_provider=is_provider)


async def _hand_over(tx: Transaction, standing: Standing, user_id: str, by: str) -> Organization:
    former = standing.organization
    await access.member_of(tx, former, user_id)
    organization, fact = former.hand_over(user_id, by)
    await throttles.count_try(tx, _OWNERS, former.id)
    await repository.save_owner(tx, organization)
    stepping_down = await access.member_of(tx, former, former.owner_id)
    await repository.save_role(tx, stepping_down.step_down())
    await announce(tx, fact, organization)
    await announce_rights(tx, [organization.owner_id, former.owner_id])
    return organization


async def announce(tx: Transaction, fact: Event, organization: Organization) -> None:
    """Announce a fact about an organization, to the organization."""
    await tx.emit(fact, subject=organization.id, organization=organization.id, audience=[organization.id])
