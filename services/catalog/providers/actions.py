"""What can be done about providers."""

from collections.abc import Sequence

from chassis.inbox import copy_if_newer
from chassis.messages import Heard
from chassis.mongo import Reader, Transaction
from services.catalog.events import ProviderStandingGranted, ProviderStandingWithdrawn
from services.catalog.providers import access, repository
from services.catalog.providers.domain import NotAProvider


async def grant_provider_standing(tx: Transaction, organization_id: str) -> str:
    """Make the organization a provider and return its name; granting again changes and announces nothing."""
    name = await access.organization_to_grant(tx, organization_id)
    if organization_id not in await repository.with_standing(tx, [organization_id]):
        await repository.keep_standing(tx, organization_id)
        granted = ProviderStandingGranted(organization_id=organization_id)
        await tx.emit(granted, subject=organization_id, organization=organization_id, audience=[organization_id])
    return name


async def withdraw_provider_standing(tx: Transaction, organization_id: str) -> None:
    """Make the organization a provider no more; one that is none changes and announces nothing."""
    if organization_id in await repository.with_standing(tx, [organization_id]):
        await repository.remove_standing(tx, organization_id)
        withdrawn = ProviderStandingWithdrawn(organization_id=organization_id)
        await tx.emit(withdrawn, subject=organization_id, organization=organization_id, audience=[organization_id])


async def hold_standing(tx: Transaction, organization_id: str) -> None:
    """Publish as a provider: the standing is not withdrawn at the same moment unnoticed. Raises ``NotAProvider``."""
    if not await repository.hold_standing(tx, organization_id):
        raise NotAProvider


async def remember(tx: Transaction, heard: Heard) -> None:
    """Keep the name that an organization was announced with, unless a later one is known."""
    await copy_if_newer(tx, "organizations", heard, {"name": str(heard.data["name"])})


async def remember_end(tx: Transaction, heard: Heard) -> None:
    """Keep that an organization is gone."""
    await copy_if_newer(tx, "ended_organizations", heard, {})


async def standings(reader: Reader, organization_ids: Sequence[str]) -> list[bool]:
    """Say for each organization whether it is a provider; what does not exist is none."""
    providers = await repository.with_standing(reader, organization_ids)
    return [organization_id in providers for organization_id in organization_ids]


async def names_of(reader: Reader, organization_ids: Sequence[str]) -> dict[str, str]:
    """Return the names of those organizations that were heard of."""
    return await repository.names_of(reader, organization_ids)
