"""Whom the end of a version, or of a whole product, would concern. Reads alone."""

from collections.abc import Mapping, Sequence
from typing import Any

from chassis.mongo import Reader
from services.catalog.callers.actions import Callers, agreements_in_force, callers_of, names
from services.catalog.callers.domain import COUNTED_DAYS
from services.catalog.products.domain import Product
from services.catalog.retiring import access
from services.catalog.retiring.domain import Acknowledgement, Place

Row = dict[str, Any]
MOST_LISTED = 200


async def impacts_of(reader: Reader, product_ids: Sequence[str], version_id: str | None) -> dict[str, Row]:
    """Return for each product whose callers the one who asks may know what its end, or that of one version, would mean."""
    impacts = {}
    for product in (await access.products_to_weigh(reader, product_ids)).values():
        if version_id is None or product.version(version_id) is not None:
            impacts[product.id] = await _impact(reader, product, version_id)
    return impacts


async def _impact(reader: Reader, product: Product, version_id: str | None) -> Row:
    callers = await callers_of(reader, product.id, version_id)
    known = await _acknowledged(reader, product, version_id)
    rows = _applications(callers, known)
    shown, organization_ids = rows[:MOST_LISTED], callers.organization_ids
    called = await names(reader, [each["application_id"] for each in shown], organization_ids)
    for each in shown:
        each["name"], each["organization_name"] = called.get(each["application_id"]), called.get(each["organization_id"])
    return {
        "product_id": product.id,
        "version_id": version_id,
        "days": COUNTED_DAYS,
        "applications": shown,
        "applications_total": len(rows),
        "organizations": [_organization(each, called, rows) for each in organization_ids[:MOST_LISTED]],
        "organizations_total": len(organization_ids),
        "agreements_in_force": await agreements_in_force(reader, product.id),
        "calls": sum(each["calls"] for each in rows),
        "last_called_at": max((each.last_at for each in callers.traffic), default=None),
        "unacknowledged_calls": sum(each["calls"] for each in rows if not each["is_acknowledged"]),
    }


async def _acknowledged(reader: Reader, product: Product, version_id: str | None) -> Mapping[str, Acknowledgement]:
    """Return the acknowledgements of one version's end that hold, by organization; none for a whole product."""
    found = product.version(version_id) if version_id is not None else None
    if found is None:
        return {}
    place = Place(product, *found)
    known = (await access.acknowledgements(reader, [place.version.id]))[place.version.id]
    return {key: each for key, each in known.items() if access.acknowledged(known, key, place) is not None}


def _applications(callers: Callers, known: Mapping[str, Acknowledgement]) -> list[Row]:
    """Return everyone who is subscribed or calls, the most calls first."""
    traffic = {each.application_id: each for each in callers.traffic}
    statuses = {each.application_id: each.status for each in callers.subscribers}
    rows = [
        {
            "application_id": application_id,
            "organization_id": organization_id,
            "subscription_status": statuses.get(application_id),
            "calls": traffic[application_id].calls if application_id in traffic else 0,
            "last_called_at": traffic[application_id].last_at if application_id in traffic else None,
            "is_acknowledged": organization_id in known,
        }
        for application_id, organization_id in callers.owners.items()
    ]
    return sorted(rows, key=lambda row: (-row["calls"], row["application_id"]))


def _organization(organization_id: str, called: Mapping[str, str], rows: Sequence[Row]) -> Row:
    own = [each for each in rows if each["organization_id"] == organization_id]
    return {
        "organization_id": organization_id,
        "name": called.get(organization_id),
        "applications_total": len(own),
        "calls": sum(each["calls"] for each in own),
        "is_acknowledged": all(each["is_acknowledged"] for each in own),
    }
