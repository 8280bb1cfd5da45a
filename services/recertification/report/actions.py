"""What can be done with reports: planning them in the campaign's own time, making them apart, keeping them."""

import hashlib
from collections import Counter
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from chassis.ids import new_id
from chassis.mongo import Reader, Store, Transaction
from chassis.principal import system
from services.recertification.campaigns import repository as campaigns
from services.recertification.campaigns.domain import Campaign
from services.recertification.events import ReportMade
from services.recertification.items import repository as items
from services.recertification.items.domain import Item, Status
from services.recertification.known import repository as known
from services.recertification.report import apart, repository
from services.recertification.report.apart import Press
from services.recertification.report.domain import NO_SIGNING_KEY, Language, Report, State

_PART = "recertification.report"
_AT_ONCE = 500
_TRIED_AGAIN_AFTER = timedelta(seconds=60)


async def plan_reports(tx: Transaction) -> int:
    """Plan the reports of a campaign that is over, one in each language; return 0 where there is none without."""
    campaign_id = await repository.find_campaign_without(tx)
    if campaign_id is None:
        return 0
    await repository.add(tx, [Report(new_id("rpt"), campaign_id, each, due_at=tx.now) for each in Language])
    return 1


async def make_one(store: Store, press: Press) -> bool:
    """Make a report that is planned, sign and keep it; say whether there was one to try."""
    reader = store.reader(system(_PART))
    lease = timedelta(seconds=2 * press.seconds + 60)
    claimed = await repository.claim(reader, new_id("rpc"), reader.now + lease)
    if claimed is None:
        return False
    report, left = claimed
    if left is not None:
        await repository.forget_contents(reader, left)
    if not press.can_sign:
        await repository.put_off(reader, report, NO_SIGNING_KEY, store.clock.now() + _TRIED_AGAIN_AFTER)
        return True
    made = await apart.make(press, await tell(reader, report, at=reader.now))
    if made.why is not None:
        await repository.put_off(reader, report, made.why, store.clock.now() + _TRIED_AGAIN_AFTER)
        return True
    assert report.content_id is not None
    await repository.put_contents(reader, report.content_id, made.content)
    sha256, size = hashlib.sha256(made.content).hexdigest(), len(made.content)
    kept = replace(report, state=State.MADE, why=None, sha256=sha256, size=size, made_at=reader.now, due_at=None)
    if not await store.transact(system(_PART), partial(_keep, report=kept)):
        await repository.forget_contents(reader, report.content_id)
    return True


async def _keep(tx: Transaction, report: Report) -> bool:
    if not await repository.keep_made(tx, report):
        return False
    assert report.sha256 is not None
    assert report.size is not None
    fact = ReportMade(
        campaign_id=report.campaign_id,
        report_id=report.id,
        language=report.language.value,
        sha256=report.sha256,
        size=report.size,
    )
    campaign = (await campaigns.find(tx, [report.campaign_id]))[report.campaign_id]
    starter = campaign.scope.starter_id
    await tx.emit(fact, subject=report.id, organization=starter, audience=[starter] if starter else [])
    return True


async def read_contents(reader: Reader, report: Report) -> bytes | None:
    """Return the bytes of a report (for those who have checked that this may be)."""
    return None if report.content_id is None else await repository.get_contents(reader, report.content_id)


async def tell(reader: Reader, report: Report, *, at: datetime) -> dict[str, Any]:
    """Return what a report tells: the campaign, and every thing in it with its outcome."""
    campaign = (await campaigns.find(reader, [report.campaign_id]))[report.campaign_id]
    starter = campaign.scope.starter_id
    names = await known.find_organization_names(reader, [starter]) if starter else {}
    organizations = await campaigns.count_shares(reader, [campaign.id])
    listed: list[dict[str, Any]] = []
    after = ""
    while found := await items.find_some(reader, campaign.id, after, _AT_ONCE):
        listed += [_item(each) for each in found]
        after = found[-1].id
    counted = Counter(each["status"] for each in listed)
    return {
        **_campaign(campaign),
        "language": report.language.value,
        "starter": None if starter is None else _called(names.get(starter), starter),
        "made_at": _said(at),
        "organizations": organizations.get(campaign.id, 0),
        "counts": {each.value: counted[each.value] for each in Status},
        "items": listed,
    }


def _campaign(campaign: Campaign) -> dict[str, Any]:
    scope = campaign.scope
    return {
        "campaign_id": campaign.id,
        "title": campaign.title,
        "reason": campaign.reason,
        "side": scope.side.value,
        "started_by": campaign.started_by,
        "kinds": [each.value for each in scope.kinds],
        "which": scope.which.value,
        "days": scope.days,
        "uses_known_since": _said(campaign.uses_known_since),
        "started_at": _said(campaign.started_at),
        "due_at": _said(campaign.due_at),
        "ended_at": _said(campaign.ended_at),
        "confirmable_until": _said(campaign.confirmable_until),
    }


def _item(item: Item) -> dict[str, Any]:
    thing, names = item.thing, item.names
    return {
        "kind": thing.kind.value,
        "subject_id": thing.subject_id,
        "holder": _called(names.organization, thing.organization_id),
        "product": _called(names.product, thing.product_id),
        "provider": _called(names.provider, thing.provider_id),
        "application": _called(names.application, thing.application_id),
        "detail": thing.detail,
        "since": _said(thing.since),
        "last_used_on": None if thing.last_used_at is None else thing.last_used_at.date().isoformat(),
        "lapses_at": _said(thing.lapses_at),
        "status": item.status.value,
        "is_late": item.is_late,
        "by": item.decided_by,
        "at": _said(item.decided_at or item.not_confirmed_at),
        "said": item.reason,
    }


def _called(name: str | None, identifier: str | None) -> str | None:
    return identifier if name is None or identifier is None else f"{name} ({identifier})"


def _said(moment: datetime | None) -> str | None:
    return None if moment is None else f"{moment:%Y-%m-%d %H:%M:%S} UTC"
