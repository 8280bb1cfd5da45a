"""What can be done with items and the campaign around them. Each verb touches nothing but its transaction."""

from collections.abc import Sequence
from datetime import datetime

from chassis.messages import Event
from chassis.mongo import Transaction
from services.recertification.campaigns import access as campaign_access
from services.recertification.campaigns import repository as campaigns
from services.recertification.campaigns.domain import Campaign
from services.recertification.items import access, repository
from services.recertification.items.domain import Act, Item

_AT_ONCE = 500


async def confirm_items(tx: Transaction, item_ids: Sequence[str], reason: str | None) -> list[Item]:
    """Keep things: as who holds them, or late as who has started the campaign, too. All of them, or none.

    Raises what ``access.items_to_decide`` and ``Item.confirm`` refuse with.
    """
    decided = await access.items_to_decide(tx, item_ids, is_confirming=True)
    act = _act(tx, reason)
    return [await _decide(tx, campaign, item.confirm(campaign, act)) for item, campaign in decided]


async def give_up_items(tx: Transaction, item_ids: Sequence[str], reason: str | None) -> list[Item]:
    """Let things go when the campaign is due, as who holds them. All of them, or none.

    Raises what ``access.items_to_decide`` and ``Item.give_up`` refuse with.
    """
    decided = await access.items_to_decide(tx, item_ids, is_confirming=False)
    # The end of a campaign looks at what is unsettled alone: it would miss what was confirmed until this moment.
    for campaign_id in sorted({campaign.id for item, campaign in decided if not item.is_unsettled}):
        await campaigns.touch(tx, campaign_id)
    act = _act(tx, reason)
    return [await _decide(tx, campaign, item.give_up(campaign, act)) for item, campaign in decided]


async def cancel_campaign(tx: Transaction, campaign_id: str, reason: str | None) -> Campaign:
    """Call a campaign off: nothing is suspended or ended. Raises ``CampaignOver`` or ``CancelledAlready``."""
    campaign = await campaign_access.campaign_to_change(tx, campaign_id)
    cancelled = campaign.cancel(tx.principal.require_signed_in(), tx.now, reason)
    await campaigns.keep(tx, cancelled)
    await withdraw_some(tx, campaign.id)
    return cancelled


async def withdraw_some(tx: Transaction, campaign_id: str) -> int:
    """Ask no more for some items of a campaign that was called off; return how many there were."""
    unsettled = await repository.find_unsettled(tx, campaign_id, _AT_ONCE)
    for item in unsettled:
        await repository.keep(tx, item.withdraw())
    return len(unsettled)


async def change_campaign_due_date(tx: Transaction, campaign_id: str, due_at: datetime) -> Campaign:
    """Let a campaign end at another moment. Raises ``CampaignOver``, ``CancelledAlready`` or ``DueDateNotUsable``."""
    campaign = await campaign_access.campaign_to_change(tx, campaign_id)
    changed, fact = campaign.change_due_date(due_at, tx.now)
    await campaigns.keep(tx, changed)
    starter = campaign.scope.starter_id
    await tx.emit(fact, subject=campaign.id, organization=starter, audience=[starter] if starter else [])
    return changed


async def end_items_of_thing(tx: Transaction, key: str) -> None:
    """Note in every campaign that a thing has ended by itself."""
    for item in await repository.find_unsettled_of(tx, {"key": key}, _AT_ONCE):
        await repository.keep(tx, item.end(tx.now))


async def end_items_of_organization(tx: Transaction, organization_id: str) -> None:
    """Note that what an organization held has ended with it; of very many some are looked at only when they are due."""
    for item in await repository.find_unsettled_of(tx, {"organization_id": organization_id}, _AT_ONCE):
        await repository.keep(tx, item.end(tx.now))


async def announce_item(tx: Transaction, campaign: Campaign, item: Item, facts: Sequence[Event]) -> None:
    """Announce what came of an item, to who holds the thing and who has started the campaign."""
    sides = [item.thing.organization_id, campaign.scope.starter_id, item.thing.provider_id]
    audience = tuple(dict.fromkeys(each for each in sides if each is not None))
    for fact in facts:
        await tx.emit(fact, subject=item.id, organization=item.thing.organization_id, audience=audience)


def _act(tx: Transaction, reason: str | None) -> Act:
    return Act(tx.principal.require_signed_in(), tx.now, reason)


async def _decide(tx: Transaction, campaign: Campaign, outcome: tuple[Item, Sequence[Event]]) -> Item:
    item, facts = outcome
    await repository.keep(tx, item)
    await announce_item(tx, campaign, item, facts)
    return item
