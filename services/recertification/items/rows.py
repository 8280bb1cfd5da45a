"""How campaigns and items are shown."""

from collections.abc import Iterable, Mapping
from typing import Any

from chassis.mongo import Reader
from services.recertification.campaigns import access as campaigns
from services.recertification.campaigns.domain import Campaign
from services.recertification.items.access import Counts
from services.recertification.items.domain import Item, Status
from services.recertification.items.taking import Preview
from services.recertification.known import access as known
from services.recertification.known.domain import Kind

Row = dict[str, Any]


async def campaign_rows(reader: Reader, found: Iterable[Campaign]) -> dict[str, Row]:
    """Return campaigns as the one who asks sees them, by id: about what they are otherwise is the starter's."""
    listed = list(found)
    names = await known.names_of_organizations(reader, [each.scope.starter_id for each in listed])
    return {each.id: _campaign_row(reader, each, names) for each in listed}


def _campaign_row(reader: Reader, campaign: Campaign, names: Mapping[str, str]) -> Row:
    scope, whole = campaign.scope, campaigns.sees_all(reader.principal, campaign)
    return {
        "id": campaign.id,
        "side": scope.side.value,
        "starter_id": scope.starter_id,
        "starter_name": names.get(scope.starter_id or ""),
        "title": campaign.title,
        "reason": campaign.reason,
        "kinds": [each.value for each in scope.kinds],
        "which": scope.which.value,
        "days": scope.days,
        "organization_ids": scope.organization_ids if whole else None,
        "product_ids": scope.product_ids if whole else None,
        "started_by": campaign.started_by if whole else None,
        "started_at": campaign.started_at,
        "due_at": campaign.due_at,
        "confirmable_until": campaign.confirmable_until,
        "reminder_days": list(campaign.reminder_days),
        "uses_known_since": campaign.uses_known_since,
        "status": campaign.status.value,
        "is_complete": campaign.taken_after is None,
        "ended_at": campaign.ended_at,
        "ended_by": campaign.ended_by if whole else None,
        "end_reason": campaign.end_reason,
    }


def item_row(item: Item) -> Row:
    """Return an item as those see it who may."""
    thing, names = item.thing, item.names
    return {
        "id": item.id,
        "campaign_id": item.campaign_id,
        "kind": thing.kind.value,
        "subject_id": thing.subject_id,
        "user_id": thing.subject_id if thing.kind is Kind.MEMBER else None,
        "organization_id": thing.organization_id,
        "organization_name": names.organization,
        "provider_id": thing.provider_id,
        "provider_name": names.provider,
        "product_id": thing.product_id,
        "product_title": names.product,
        "application_id": thing.application_id,
        "application_name": names.application,
        "detail": thing.detail,
        "since": thing.since,
        "last_used_on": None if thing.last_used_at is None else thing.last_used_at.date().isoformat(),
        "lapses_at": thing.lapses_at,
        "status": item.status.value,
        "is_settled": item.is_settled,
        "decided_by": item.decided_by,
        "decided_at": item.decided_at,
        "reason": item.reason,
        "is_late": item.is_late,
        "not_confirmed_at": item.not_confirmed_at,
    }


def counts_row(counts: Counts) -> Row:
    """Return how many items stand how."""
    by_status = {each.value.lower(): counts.by_status.get(each, 0) for each in Status}
    return {**by_status, "total": sum(counts.by_status.values()), "organizations": counts.organizations}


def preview_row(preview: Preview) -> Row:
    """Return what a campaign would be about."""
    return {
        "items": preview.items,
        "kinds": [{"kind": kind.value, "items": items} for kind, items in sorted(preview.by_kind.items())],
        "organizations": preview.organizations,
        "largest": [
            {"organization_id": each.organization_id, "name": each.name, "items": each.items} for each in preview.largest
        ],
        "uses_known_since": preview.uses_known_since,
    }
