"""Starting a campaign: which things it is about, as of that moment."""

from collections import Counter
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from chassis.ids import new_id
from chassis.mongo import Reader, Transaction
from services.recertification.campaigns import access as campaign_access
from services.recertification.campaigns import repository as campaigns
from services.recertification.campaigns.domain import (
    MOST_ITEMS,
    Campaign,
    CampaignTooLarge,
    NothingToConfirm,
    Scope,
    passed_days,
    require_ahead,
)
from services.recertification.items import repository
from services.recertification.items.domain import Item
from services.recertification.known import repository as known
from services.recertification.known.domain import Kind, Thing

SHOWN_ORGANIZATIONS = 100


@dataclass(frozen=True, slots=True)
class Announced:
    """What a campaign says to those whom it asks."""

    title: str
    reason: str
    due_at: datetime
    reminder_days: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class OfOrganization:
    """How many things of an organization a campaign would be about."""

    organization_id: str
    name: str | None
    items: int


@dataclass(frozen=True, slots=True)
class Preview:
    """What a campaign would be about, if it was started now."""

    items: int
    by_kind: dict[Kind, int]
    organizations: int
    largest: tuple[OfOrganization, ...]
    uses_known_since: datetime | None


async def preview_campaign(tx: Transaction, scope: Scope) -> Preview:
    """Say what a campaign would be about. Raises what starting it would refuse, but for nothing and too much."""
    scope.require_usable()
    await campaign_access.require_scope(tx, scope)
    kinds: Counter[Kind] = Counter()
    organizations: Counter[str] = Counter()
    async for things in _selected(tx, scope, tx.now):
        kinds.update(each.kind for each in things)
        organizations.update(each.organization_id for each in things)
    largest = organizations.most_common(SHOWN_ORGANIZATIONS)
    names = await known.find_organization_names(tx, [each for each, _ in largest])
    return Preview(
        kinds.total(),
        dict(kinds),
        len(organizations),
        tuple(OfOrganization(key, names.get(key), items) for key, items in largest),
        await known.calls_known_since(tx),
    )


async def start_campaign(tx: Transaction, scope: Scope, announced: Announced) -> Campaign:
    """Ask for confirmation of everything that the scope has now; the first of it is taken at once, the rest soon.

    Raises what ``access.require_scope`` refuses with, ``DueDateNotUsable``, ``NothingToConfirm`` or ``CampaignTooLarge``.
    """
    scope.require_usable()
    await campaign_access.require_scope(tx, scope)
    require_ahead(announced.due_at, tx.now)
    items = 0
    async for things in _selected(tx, scope, tx.now):
        items += len(things)
        if items > MOST_ITEMS:
            raise CampaignTooLarge
    if not items:
        raise NothingToConfirm
    campaign = Campaign(
        id=new_id("cam"),
        scope=scope,
        title=announced.title,
        reason=announced.reason,
        started_by=tx.principal.require_signed_in(),
        started_at=tx.now,
        due_at=announced.due_at,
        reminder_days=announced.reminder_days,
        uses_known_since=await known.calls_known_since(tx),
        reminded=passed_days(announced.reminder_days, announced.due_at, tx.now),
    )
    return await _take_some(tx, campaign)


async def take_more(tx: Transaction) -> int:
    """Take some more of the things of a campaign that has just begun; return 0 where all are taken."""
    campaign = await campaigns.find_one_to(tx, campaigns.to_take())
    if campaign is None:
        return 0
    await _take_some(tx, campaign)
    return 1


async def _take_some(tx: Transaction, campaign: Campaign) -> Campaign:
    query = campaign.scope.query(campaign.started_at)
    things, last = await known.find_live(tx, query, campaign.taken_after or "")
    wanted = [each for each in things if campaign.scope.includes(each, campaign.started_at)]
    await _add(tx, campaign, wanted)
    taken = replace(campaign, taken_after=last or None)
    await campaigns.keep(tx, taken)
    return taken


async def _add(tx: Transaction, campaign: Campaign, things: Sequence[Thing]) -> None:
    names = await known.find_names(tx, things)
    items = [Item(new_id("itm"), campaign.id, each, names[each.key], tx.now) for each in things]
    await repository.add_all(tx, items)
    await campaigns.add_to_shares(tx, campaign.id, Counter(each.organization_id for each in things))


async def _selected(reader: Reader, scope: Scope, at: datetime) -> AsyncIterator[list[Thing]]:
    after = ""
    while True:
        things, after = await known.find_live(reader, scope.query(at), after)
        yield [each for each in things if scope.includes(each, at)]
        if not after:
            return
