"""How webhooks are kept; an index, not a count, sees to it that an organization has only so many."""

from collections.abc import Iterable

from chassis.mongo import Document, Index, Reader, Transaction
from services.notifications.webhooks.domain import MOST_WEBHOOKS, DisabledBecause, Secret, Webhook

_WEBHOOKS = "webhooks"
INDEXES = (Index(_WEBHOOKS, (("organization_id", 1), ("slot", 1)), unique=True),)


def _to_webhook(row: Document) -> Webhook:
    because = row["disabled_because"]
    return Webhook(
        row["_id"],
        row["organization_id"],
        url=row["url"],
        description=row["description"],
        event_types=tuple(row["event_types"]),
        secrets=tuple(Secret(each["sealed"], each["made_at"], each["ends_at"]) for each in row["secrets"]),
        created_at=row["created_at"],
        disabled_because=DisabledBecause(because) if because else None,
        disabled_at=row["disabled_at"],
    )


def _to_row(webhook: Webhook) -> Document:
    return {
        "organization_id": webhook.organization_id,
        "url": webhook.url,
        "description": webhook.description,
        "event_types": list(webhook.event_types),
        "secrets": [{"sealed": each.sealed, "made_at": each.made_at, "ends_at": each.ends_at} for each in webhook.secrets],
        "created_at": webhook.created_at,
        "disabled_because": webhook.disabled_because,
        "disabled_at": webhook.disabled_at,
    }


async def free_slot(tx: Transaction, organization_id: str) -> int | None:
    """Return a place where an organization can have one more webhook, or None where it has as many as it may."""
    query = {"organization_id": organization_id}
    rows = await tx.collection(_WEBHOOKS).find(query, projection={"slot": 1})
    return min(set(range(MOST_WEBHOOKS)) - {row["slot"] for row in rows}, default=None)


async def add(tx: Transaction, webhook: Webhook, slot: int) -> None:
    """Keep a new webhook. Raises ``DuplicateKey`` where the slot was taken meanwhile."""
    await tx.collection(_WEBHOOKS).insert_one({"_id": webhook.id, "slot": slot, **_to_row(webhook)})


async def replace(tx: Transaction, webhook: Webhook) -> None:
    """Keep a webhook as it is now."""
    await tx.collection(_WEBHOOKS).update_one({"_id": webhook.id}, {"$set": _to_row(webhook)})


async def remove(tx: Transaction, webhook_id: str) -> None:
    """Forget a webhook; what was sent to it is out of reach then and lapses."""
    await tx.collection(_WEBHOOKS).delete_one({"_id": webhook_id})


async def find(reader: Reader, webhook_ids: Iterable[str]) -> dict[str, Webhook]:
    """Return webhooks by id."""
    rows = await reader.collection(_WEBHOOKS).find({"_id": {"$in": sorted(set(webhook_ids))}})
    return {row["_id"]: _to_webhook(row) for row in rows}


async def find_of_organizations(reader: Reader, organization_ids: Iterable[str]) -> dict[str, list[Webhook]]:
    """Return the webhooks of organizations, the oldest first; organizations that have none are left out."""
    query = {"organization_id": {"$in": sorted(set(organization_ids))}}
    found: dict[str, list[Webhook]] = {}
    for row in await reader.collection(_WEBHOOKS).find(query, sort=[("_id", 1)]):
        found.setdefault(row["organization_id"], []).append(_to_webhook(row))
    return found
