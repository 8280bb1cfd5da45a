"""How to ask about campaigns and their items over HTTP."""

from collections.abc import Mapping, Sequence
from typing import Any

from starlette.routing import BaseRoute

from chassis.paging import Page, connection, read_page
from chassis.web import Asked, Edge, Json, Routes, read_input
from services.recertification.campaigns import access as campaigns
from services.recertification.campaigns import listing
from services.recertification.campaigns.domain import Campaign
from services.recertification.items import access, actions, taking
from services.recertification.items.domain import Item
from services.recertification.items.inputs import (
    CampaignInput,
    CampaignsArguments,
    DecideInput,
    DueDateInput,
    ItemsArguments,
    ScopeInput,
    StartInput,
    whole,
)
from services.recertification.items.rows import campaign_rows, counts_row, item_row, preview_row


async def _one(asked: Asked, campaign: Campaign) -> Json:
    return (await campaign_rows(asked.reader(), [campaign]))[campaign.id]


async def _preview(asked: Asked) -> Json:
    scope = asked.read(ScopeInput).scope()
    return preview_row(await asked.transact(lambda tx: taking.preview_campaign(tx, scope)))


async def _start(asked: Asked) -> Json:
    given = asked.read(StartInput)
    scope, announced = given.scope(), given.announced()
    return await _one(asked, await asked.transact(lambda tx: taking.start_campaign(tx, scope, announced)))


async def _cancel(asked: Asked) -> Json:
    given = asked.read(CampaignInput)
    return await _one(asked, await asked.transact(lambda tx: actions.cancel_campaign(tx, given.campaign_id, given.reason)))


async def _change_due_date(asked: Asked) -> Json:
    given = asked.read(DueDateInput)
    due_at = whole(given.due_at)
    return await _one(asked, await asked.transact(lambda tx: actions.change_campaign_due_date(tx, given.campaign_id, due_at)))


async def _confirm(asked: Asked) -> Json:
    given = asked.read(DecideInput)
    decided = await asked.transact(lambda tx: actions.confirm_items(tx, given.item_ids, given.reason))
    return {"items": [item_row(each) for each in decided]}


async def _give_up(asked: Asked) -> Json:
    given = asked.read(DecideInput)
    decided = await asked.transact(lambda tx: actions.give_up_items(tx, given.item_ids, given.reason))
    return {"items": [item_row(each) for each in decided]}


async def _campaigns_by_id(asked: Asked) -> Json:
    reader = asked.reader()
    rows = await campaign_rows(reader, (await campaigns.visible_campaigns(reader, asked.ids)).values())
    return [rows.get(key) for key in asked.ids]


async def _campaigns_by_organization(asked: Asked) -> Json:
    given = read_input(CampaignsArguments, asked.args)
    page = read_page(given.first, given.after)
    pages = await listing.started_by(asked.reader(), asked.ids, given.status, page)
    return await _campaign_connections(asked, pages, page)


async def _campaigns_of_operator(asked: Asked) -> Json:
    given = read_input(CampaignsArguments, asked.args)
    page = read_page(given.first, given.after)
    found = await listing.started_by_operator(asked.reader(), given.status, page)
    pages = {} if found is None else dict.fromkeys(asked.ids, found)
    return await _campaign_connections(asked, pages, page)


async def _campaign_connections(asked: Asked, pages: Mapping[str, tuple[Sequence[Campaign], int]], page: Page) -> Json:
    rows = await campaign_rows(asked.reader(), [each for listed, _ in pages.values() for each in listed])
    made = {
        key: connection([rows[each.id] for each in listed], page, _cursor, total=total) for key, (listed, total) in pages.items()
    }
    return [made.get(key) for key in asked.ids]


def _cursor(row: Mapping[str, Any]) -> tuple[str]:
    return (row["id"],)


def _item_connections(asked: Asked, pages: Mapping[str, tuple[Sequence[Item], int]], page: Page) -> Json:
    made = {
        key: connection([item_row(each) for each in listed], page, _cursor, total=total) for key, (listed, total) in pages.items()
    }
    return [made.get(key) for key in asked.ids]


async def _items_by_id(asked: Asked) -> Json:
    found = await access.visible_items(asked.reader(), asked.ids)
    return [item_row(found[key]) if key in found else None for key in asked.ids]


async def _items_by_campaign(asked: Asked) -> Json:
    given = read_input(ItemsArguments, asked.args)
    page = read_page(given.first, given.after)
    return _item_connections(asked, await access.items_of_campaigns(asked.reader(), asked.ids, given.filter(), page), page)


async def _items_by_organization(asked: Asked) -> Json:
    given = read_input(ItemsArguments, asked.args)
    page = read_page(given.first, given.after)
    return _item_connections(asked, await access.items_of_organizations(asked.reader(), asked.ids, given.filter(), page), page)


async def _counts_by_campaign(asked: Asked) -> Json:
    found = await access.counts_of_campaigns(asked.reader(), asked.ids)
    return [counts_row(found[key]) if key in found else None for key in asked.ids]


def routes(edge: Edge) -> list[BaseRoute]:
    """Return the routes of campaigns and items."""
    r = Routes(edge)
    r.do("preview_campaign", _preview)
    r.do("start_campaign", _start)
    r.do("cancel_campaign", _cancel)
    r.do("change_campaign_due_date", _change_due_date)
    r.do("confirm_items", _confirm)
    r.do("give_up_items", _give_up)
    r.load("campaigns_by_id", _campaigns_by_id)
    r.load("campaigns_by_organization", _campaigns_by_organization)
    r.load("campaigns_of_operator", _campaigns_of_operator)
    r.load("campaign_items_by_id", _items_by_id)
    r.load("items_by_campaign", _items_by_campaign)
    r.load("items_by_organization", _items_by_organization)
    r.load("counts_by_campaign", _counts_by_campaign)
    return r.collected
