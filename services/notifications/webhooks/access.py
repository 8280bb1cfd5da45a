"""Who may touch which webhook: members see those of their organization, who may ``MANAGE_WEBHOOKS`` changes them."""

from collections.abc import Iterable

from chassis.mongo import Reader, Transaction
from chassis.paging import Page
from services.notifications.webhooks import lanes, log, repository
from services.notifications.webhooks.deliveries import Delivery, Lane, Status
from services.notifications.webhooks.domain import MANAGE, NoSuchWebhook, Webhook


async def require(tx: Transaction, webhook_id: str) -> Webhook:
    """Return a webhook that the principal may change. Raises ``SignInFirst``, ``NoSuchWebhook`` or ``RoleNotAllowed``."""
    tx.principal.require_signed_in()
    webhook = (await repository.find(tx, [webhook_id])).get(webhook_id)
    if webhook is None:
        raise NoSuchWebhook
    if not tx.principal.is_member(webhook.organization_id):
        raise NoSuchWebhook().within(webhook.organization_id)
    tx.principal.require(MANAGE, webhook.organization_id)
    return webhook


async def visible(reader: Reader, webhook_ids: Iterable[str]) -> dict[str, Webhook]:
    """Return those of the webhooks that exist for the principal, by id."""
    found = await repository.find(reader, webhook_ids)
    return {key: each for key, each in found.items() if reader.principal.is_member(each.organization_id)}


async def of_organizations(reader: Reader, organization_ids: Iterable[str]) -> dict[str, list[Webhook]]:
    """Return the webhooks of those of the organizations that the principal belongs to, the oldest first."""
    own = [each for each in set(organization_ids) if reader.principal.is_member(each)]
    found = await repository.find_of_organizations(reader, own) if own else {}
    return {each: found.get(each, []) for each in own}


async def lanes_of(reader: Reader, webhooks: Iterable[Webhook]) -> dict[str, Lane]:
    """Return how sending to webhooks goes, for those to whom they exist."""
    ids = [each.id for each in webhooks]
    return await lanes.find(reader, ids) if ids else {}


async def deliveries_of(
    reader: Reader, webhook_ids: Iterable[str], status: Status | None, page: Page
) -> dict[str, list[Delivery]]:
    """Return for each webhook that exists for the principal a page of its deliveries, the newest first, and one more."""
    seen = await visible(reader, webhook_ids)
    return {key: await log.find_page(reader, key, status, page) for key in seen}
