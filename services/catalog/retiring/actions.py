"""What can be done about a version's end: announce it, move it, take it back, acknowledge it, and let it come."""

from dataclasses import dataclass, replace
from datetime import datetime

from chassis.messages import Event
from chassis.mongo import Transaction
from services.catalog.callers.actions import callers_of
from services.catalog.products import repository as products
from services.catalog.products.lives import Ending, Version
from services.catalog.retiring import access, repository
from services.catalog.retiring.domain import (
    MOST_AFFECTED,
    Acknowledgement,
    Place,
    SunsetNotInFuture,
    require_quiet,
    unacknowledged,
)
from services.catalog.sandbox import repository as sandbox


@dataclass(frozen=True, slots=True)
class PlannedEnd:
    """When a version is to end, which version its callers are to go to, and what they are told."""

    sunset_at: datetime
    migrate_to: str | None = None
    note: str | None = None


async def deprecate_version(tx: Transaction, version_id: str, plan: PlannedEnd) -> Place:
    """Announce a version's end, or another date, target or note of it; the same again changes and announces nothing.

    Raises ``NotPublishedYet``, ``AlreadyRetired``, ``SunsetNotInFuture``, ``MigrationTargetNotUsable`` and as access does.
    """
    place = await access.version_to_manage(tx, version_id)
    place.version.require_callable()
    if plan.sunset_at <= tx.now:
        raise SunsetNotInFuture
    ending = Ending(tx.now, plan.sunset_at, note=plan.note)
    if plan.migrate_to is not None:
        target = await access.migration_target(tx, plan.migrate_to, place)
        base_path = target.product.base_path(target.api, target.version)
        ending = replace(ending, migrate_to=plan.migrate_to, migrate_to_base_path=base_path)
    version = place.version.deprecate(ending, tx.now, tx.principal.id)
    if version is place.version:
        return place
    affected = await _affected(tx, place)
    after = await _keep(tx, place, version)
    await _announce(tx, after, after.deprecated(affected), affected)
    return after


async def undeprecate_version(tx: Transaction, version_id: str) -> Place:
    """Take the end of a version back; what was acknowledged of it is forgotten.

    Raises ``NotPublishedYet``, ``NotDeprecated``, ``AlreadyRetired`` and as access does.
    """
    place = await access.version_to_manage(tx, version_id)
    version = place.version.undeprecate(tx.now, tx.principal.id)
    affected = await _affected(tx, place)
    after = await _keep(tx, place, version)
    await repository.forget(tx, version_id)
    await _announce(tx, after, after.undeprecated(affected), affected)
    return after


async def retire_version(tx: Transaction, version_id: str, despite_traffic: str | None) -> Place:
    """End a version: it is called and found no more, and stays readable.

    Raises ``TrafficNotAcknowledged`` or ``SunsetNotReached`` where no reason is given to do it all the same,
    ``NotPublishedYet``, ``NotDeprecated``, ``AlreadyRetired`` and as access does.
    """
    place = await access.version_to_manage(tx, version_id)
    version = place.version.retire(tx.now, tx.principal.id, despite_traffic)
    callers = await callers_of(tx, place.product.id, version_id)
    if despite_traffic is None:
        known = (await repository.of_versions(tx, [version_id]))[version_id]
        require_quiet(place, unacknowledged(place, callers.traffic, known), tx.now)
    after = await _keep(tx, place, version)
    await sandbox.forget(tx, version_id)
    await _announce(tx, after, after.retired(callers.organization_ids, despite_traffic), callers.organization_ids)
    return after


async def acknowledge_retirement(tx: Transaction, version_id: str, organization_id: str) -> Place:
    """Take note of a version's end for an organization; again, or for an end that has moved, takes note of the date as it is now.

    Raises ``NotDeprecated``, ``AlreadyRetired`` and as access does.
    """
    place = await access.version_to_acknowledge(tx, version_id, organization_id)
    ending = place.version.require_ending()
    present = (await repository.of_versions(tx, [version_id]))[version_id].get(organization_id)
    if present is not None and present.sunset_at == ending.sunset_at:
        return place
    made = Acknowledgement(version_id, organization_id, ending.sunset_at, tx.now, tx.principal.require_signed_in())
    await repository.keep(tx, made)
    audience = [organization_id, place.product.organization_id]
    await tx.emit(made.announced(place.product), subject=made.id, organization=organization_id, audience=audience)
    return place


async def _affected(tx: Transaction, place: Place) -> list[str]:
    return (await callers_of(tx, place.product.id, place.version.id)).organization_ids


async def _keep(tx: Transaction, place: Place, version: Version) -> Place:
    product = place.product.put(place.api, version)
    await products.replace(tx, product)
    return Place(product, place.api, version)


async def _announce(tx: Transaction, place: Place, event: Event, affected: list[str]) -> None:
    provider = place.product.organization_id
    audience = [provider, *(each for each in affected[:MOST_AFFECTED] if each != provider)]
    await tx.emit(event, subject=place.version.id, organization=provider, audience=audience)
