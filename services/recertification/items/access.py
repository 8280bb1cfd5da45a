"""Who may touch which item: those who confirm what its organization holds, and who has started its campaign."""

from collections.abc import Sequence
from dataclasses import dataclass

from chassis.errors import FieldProblem, Forbidden, Invalid, NotFound
from chassis.mongo import Reader, Transaction
from chassis.paging import Page
from services.recertification.campaigns import access as campaigns
from services.recertification.campaigns.domain import Campaign
from services.recertification.items import repository
from services.recertification.items.domain import Item, Status
from services.recertification.known.domain import Kind

MOST_AT_ONCE = 100


class OnlyTheHolderDecides(Forbidden):
    """Before the due date only the organization that holds the thing decides; afterwards the campaign's starter confirms, too."""


class HowManyItems(Invalid):
    """One to 100 items are decided about at once."""

    def __init__(self) -> None:
        super().__init__(fields=[FieldProblem("item_ids", f"give one to {MOST_AT_ONCE} different ids")])


@dataclass(frozen=True, slots=True)
class Counts:
    """How many items of a campaign stand how, of those that exist for the one who asks."""

    by_status: dict[Status, int]
    organizations: int


async def items_to_decide(tx: Transaction, item_ids: Sequence[str], *, is_confirming: bool) -> list[tuple[Item, Campaign]]:
    """Return items that the principal may confirm or give up, with their campaigns.

    Raises ``SignInFirst``, ``HowManyItems``, ``NotFound``, ``RoleNotAllowed``, ``OnlyTheHolderDecides`` or ``DecidedByOneself``.
    """
    user_id = tx.principal.require_signed_in()
    wanted = list(dict.fromkeys(item_ids))
    if not 1 <= len(wanted) <= MOST_AT_ONCE:
        raise HowManyItems
    found = await repository.find(tx, wanted)
    around = await campaigns.visible_campaigns(tx, {each.campaign_id for each in found.values()})
    decided = []
    for item_id in wanted:
        item = found.get(item_id)
        if item is None:
            raise NotFound("There is no such item.")
        campaign = around.get(item.campaign_id)
        _require_decider(tx, item, campaign, is_confirming=is_confirming)
        assert campaign is not None
        item.require_of_others(user_id)
        decided.append((item, campaign))
    return decided


def _require_decider(tx: Transaction, item: Item, campaign: Campaign | None, *, is_confirming: bool) -> None:
    principal, holder = tx.principal, item.thing.organization_id
    if campaign is not None and principal.may(campaigns.ACTION, holder):
        return
    is_starter = campaign is not None and campaigns.acts_for_starter(principal, campaign)
    if is_starter and is_confirming and campaign is not None and not campaign.is_open(tx.now):
        return
    if principal.is_member(holder):
        principal.require(campaigns.ACTION, holder)
    if is_starter or (campaign is not None and campaigns.sees_all(principal, campaign)):
        raise OnlyTheHolderDecides
    raise NotFound("There is no such item.")


async def visible_items(reader: Reader, item_ids: Sequence[str]) -> dict[str, Item]:
    """Return those of the items that exist for the principal, by id."""
    found = await repository.find(reader, item_ids)
    around = await campaigns.visible_campaigns(reader, {each.campaign_id for each in found.values()})
    return {
        key: each
        for key, each in found.items()
        if each.campaign_id in around
        and (
            campaigns.sees_all(reader.principal, around[each.campaign_id])
            or reader.principal.may(campaigns.ACTION, each.thing.organization_id)
        )
    }


@dataclass(frozen=True, slots=True)
class Filter:
    """Which items only."""

    status: Status | None = None
    kind: Kind | None = None
    organization_id: str | None = None

    def query(self) -> dict[str, object]:
        """Return what finds them."""
        wanted = {"status": self.status and self.status.value, "kind": self.kind and self.kind.value}
        return {name: value for name, value in {**wanted, "organization_id": self.organization_id}.items() if value is not None}


async def items_of_campaigns(
    reader: Reader, campaign_ids: Sequence[str], filter_: Filter, page: Page
) -> dict[str, tuple[list[Item], int]]:
    """Return for each campaign that exists for the principal a page of its items that do."""
    around = await campaigns.visible_campaigns(reader, campaign_ids)
    own = campaigns.own_organizations(reader.principal)
    pages = {}
    for key, campaign in around.items():
        query = {"campaign_id": key, **filter_.query()}
        if not campaigns.sees_all(reader.principal, campaign):
            wanted = filter_.organization_id
            query["organization_id"] = {"$in": [each for each in own if wanted in (None, each)]}
        pages[key] = await repository.find_page(reader, query, page)
    return pages


async def items_of_organizations(
    reader: Reader, organization_ids: Sequence[str], filter_: Filter, page: Page
) -> dict[str, tuple[list[Item], int]]:
    """Return for each organization for which the principal confirms a page of what it is asked to confirm."""
    seen = [each for each in dict.fromkeys(organization_ids) if reader.principal.may(campaigns.ACTION, each)]
    return {key: await repository.find_page(reader, {**filter_.query(), "organization_id": key}, page) for key in seen}


async def counts_of_campaigns(reader: Reader, campaign_ids: Sequence[str]) -> dict[str, Counts]:
    """Return for each campaign that exists for the principal how many of its items that do stand how."""
    around = await campaigns.visible_campaigns(reader, campaign_ids)
    whole = [key for key, each in around.items() if campaigns.sees_all(reader.principal, each)]
    shared = [key for key in around if key not in whole]
    own = campaigns.own_organizations(reader.principal)
    organizations = await campaigns.count_organizations(reader, whole)
    found = await repository.counts(reader, whole)
    found |= await repository.counts(reader, shared, own) if shared else {}
    return {key: Counts(found.get(key, {}), organizations.get(key, 1)) for key in around}
