"""What time makes of campaigns and their items: telling, reminding, suspending, ending. Each is done batch by batch.

A process that is killed between two batches leaves the rest for the next look, of whichever process: what was done is kept in the
same transaction as that it was done.
"""

from dataclasses import replace

from chassis.messages import Event
from chassis.mongo import Transaction
from services.recertification.campaigns import repository as campaigns
from services.recertification.campaigns.domain import Campaign
from services.recertification.campaigns.domain import Status as CampaignStatus
from services.recertification.campaigns.repository import Share
from services.recertification.events import CampaignCancelled, CampaignFinished, CampaignReminded, CampaignStarted, ItemSuspended
from services.recertification.items import repository
from services.recertification.items.actions import announce_item, withdraw_some
from services.recertification.items.domain import Status
from services.recertification.known import repository as known

_AT_ONCE = 50


async def tell_started(tx: Transaction) -> int:
    """Tell some organizations of a campaign that has begun; return 0 where all were told."""
    campaign = await campaigns.find_one_to(tx, campaigns.to_tell(CampaignStatus.RUNNING))
    if campaign is None:
        return 0
    shares = await campaigns.find_untold(tx, campaign.id, "started", _AT_ONCE)
    for share in shares:
        await _announce(tx, campaign, share, CampaignStarted(**_told(campaign, share), items=share.items))
    if len(shares) < _AT_ONCE:
        await campaigns.keep(tx, replace(campaign, is_told=True))
    return 1


async def remind(tx: Transaction) -> int:
    """Remind some organizations of what they have not confirmed; return 0 where nobody is to be reminded now."""
    campaign = await campaigns.find_one_to(tx, campaigns.to_remind(tx.now))
    if campaign is None:
        return 0
    reminded, days = campaign.remind(tx.now)
    shares = await campaigns.find_untold(tx, campaign.id, f"{campaign.due_at.isoformat()}|{days}", _AT_ONCE)
    for share in shares:
        found = await repository.counts(tx, [campaign.id], [share.organization_id])
        open_items = found.get(campaign.id, {}).get(Status.OPEN, 0)
        if open_items and days is not None:
            fact = CampaignReminded(**_told(campaign, share), open_items=open_items, days_left=days)
            await _announce(tx, campaign, share, fact)
    if len(shares) < _AT_ONCE:
        await campaigns.keep(tx, reminded)
    return 1


async def settle(tx: Transaction) -> int:
    """Settle some of the items of a campaign whose time is over; return 0 where there are none."""
    campaign = await campaigns.find_one_to(tx, campaigns.to_settle(tx.now))
    if campaign is None:
        return 0
    if not campaign.is_settling:
        # First of all, and by itself: from here on nobody cancels it, or lets it end later.
        await campaigns.keep(tx, replace(campaign, is_settling=True))
        return 1
    unsettled = await repository.find_unsettled(tx, campaign.id, _AT_ONCE)
    held = await known.live_keys(tx, [each.key for each in unsettled])
    for item in unsettled:
        settled, facts = item.settle(campaign, tx.now, is_held=item.key in held)
        await repository.keep(tx, settled)
        await announce_item(tx, campaign, settled, facts)
    if len(unsettled) < _AT_ONCE:
        await campaigns.keep(tx, campaign.finish(tx.now))
    return 1


async def tell_finished(tx: Transaction) -> int:
    """Tell some organizations what came of a campaign; return 0 where all were told."""
    campaign = await campaigns.find_one_to(tx, campaigns.to_tell(CampaignStatus.FINISHED))
    if campaign is None:
        return 0
    shares = await campaigns.find_untold(tx, campaign.id, "finished", _AT_ONCE)
    for share in shares:
        await _tell_finished(tx, campaign, share)
    if len(shares) < _AT_ONCE:
        await campaigns.keep(tx, replace(campaign, is_told=True))
    return 1


async def tell_cancelled(tx: Transaction) -> int:
    """Ask no more for what a campaign that was called off is about, and tell some organizations; return 0 where that is done."""
    campaign = await campaigns.find_one_to(tx, campaigns.to_tell(CampaignStatus.CANCELLED))
    if campaign is None:
        return 0
    if await withdraw_some(tx, campaign.id):
        return 1
    shares = await campaigns.find_untold(tx, campaign.id, "cancelled", _AT_ONCE)
    for share in shares:
        await _announce(tx, campaign, share, CampaignCancelled(**_told(campaign, share)))
    if len(shares) < _AT_ONCE:
        await campaigns.keep(tx, replace(campaign, is_told=True))
    return 1


async def _tell_finished(tx: Transaction, campaign: Campaign, share: Share) -> None:
    found = (await repository.counts(tx, [campaign.id], [share.organization_id])).get(campaign.id, {})
    told = _told(campaign, share)
    suspended = found.get(Status.NOT_CONFIRMED, 0)
    if suspended:
        fact = ItemSuspended(**told, items=suspended, confirmable_until=campaign.confirmable_until)
        await _announce(tx, campaign, share, fact)
    counted = {each.value.lower(): found.get(each, 0) for each in _COUNTED}
    await _announce(tx, campaign, share, CampaignFinished(**told, **counted))


_COUNTED = (Status.CONFIRMED, Status.GIVEN_UP, Status.NOT_CONFIRMED, Status.ENDED)


def _told(campaign: Campaign, share: Share) -> dict[str, object]:
    return {**campaign.told(), "organization_id": share.organization_id}


async def _announce(tx: Transaction, campaign: Campaign, share: Share, fact: Event) -> None:
    sides = (share.organization_id, campaign.scope.starter_id)
    audience = tuple(dict.fromkeys(each for each in sides if each is not None))
    await tx.emit(fact, subject=campaign.id, organization=share.organization_id, audience=audience)
