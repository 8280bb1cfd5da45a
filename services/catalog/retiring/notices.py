"""What organizations are told of versions that end, and have acknowledged. Reads alone."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from chassis.mongo import Reader
from services.catalog.callers.actions import subscribed_products
from services.catalog.products.domain import Product
from services.catalog.retiring import access
from services.catalog.retiring.domain import Acknowledgement, Place

Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Concern:
    """What makes a version's end an organization's concern: a live subscription to its product, or calls of the last 30 days."""

    organization_id: str
    product_ids: frozenset[str]
    called: dict[str, tuple[int, datetime]]

    def includes(self, place: Place) -> bool:
        """Say whether the version's end concerns the organization."""
        return place.product.id in self.product_ids or place.version.id in self.called


async def notices_of(reader: Reader, organization_ids: Sequence[str]) -> dict[str, list[Row]]:
    """Return for each organization of the one who asks which deprecated versions concern it, the soonest end first."""
    own = [each for each in dict.fromkeys(organization_ids) if reader.principal.is_member(each)]
    if not own:
        return {}
    subscribed, called = await subscribed_products(reader, own), await access.called_by(reader, own)
    concerns = [Concern(each, frozenset(subscribed[each]), called[each]) for each in own]
    places = await _ending(reader, concerns)
    known = await access.acknowledgements(reader, [place.version.id for place in places])
    return {
        each.organization_id: [_row(each, place, known[place.version.id]) for place in places if each.includes(place)]
        for each in concerns
    }


async def notice_for(reader: Reader, place: Place, organization_id: str) -> Row:
    """Return what one organization is told of one version's end."""
    called = (await access.called_by(reader, [organization_id]))[organization_id]
    subscribed = (await subscribed_products(reader, [organization_id]))[organization_id]
    known = (await access.acknowledgements(reader, [place.version.id]))[place.version.id]
    return _row(Concern(organization_id, frozenset(subscribed), called), place, known)


async def _ending(reader: Reader, concerns: Sequence[Concern]) -> list[Place]:
    product_ids = [each for concern in concerns for each in concern.product_ids]
    version_ids = [each for concern in concerns for each in concern.called]
    found: list[Product] = await access.ending_among(reader, product_ids, version_ids) if product_ids or version_ids else []
    places = [Place(product, api, version) for product in found for api, version in product.versions()]
    ending = [each for each in places if each.version.is_callable and each.version.ending is not None]
    return sorted(ending, key=lambda place: (place.version.require_ending().sunset_at, place.version.id))


def _row(concern: Concern, place: Place, known: dict[str, Acknowledgement]) -> Row:
    ending = place.version.require_ending()
    calls, last_called_at = concern.called.get(place.version.id, (0, None))
    acknowledged = access.acknowledged(known, concern.organization_id, place)
    return {
        "version_id": place.version.id,
        "product_id": place.product.id,
        "organization_id": concern.organization_id,
        "deprecated_at": ending.deprecated_at,
        "sunset_at": ending.sunset_at,
        "migrate_to_id": ending.migrate_to,
        "note": ending.note,
        "is_subscribed": place.product.id in concern.product_ids,
        "calls": calls,
        "last_called_at": last_called_at,
        "is_acknowledged": acknowledged is not None,
        "acknowledged_at": acknowledged and acknowledged.acknowledged_at,
    }
