"""How to ask for subscriptions over HTTP."""

from collections.abc import Sequence
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, StringConstraints
from starlette.routing import BaseRoute

from chassis.mongo import Reader
from chassis.paging import Page, connection, read_page
from chassis.web import Asked, Edge, Json, Routes, read_input
from services.subscriptions.known.domain import Applicant
from services.subscriptions.subscriptions import access, actions
from services.subscriptions.subscriptions.domain import Status, Subscription

Id = Annotated[str, StringConstraints(min_length=1, max_length=64)]
Reason = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=500)]


class _Input(BaseModel):
    model_config = ConfigDict(extra="forbid")


class SubscribeInput(_Input):
    """Which application to subscribe to which plan of which product."""

    application_id: Id
    product_id: Id
    plan_id: Id


class ApproveInput(_Input):
    """Which subscription to approve."""

    subscription_id: Id


class RejectInput(_Input):
    """Which subscription to reject, and why."""

    subscription_id: Id
    reason: Reason


class CancelInput(_Input):
    """Which subscription to cancel, and why (if one likes to say)."""

    subscription_id: Id
    reason: Reason | None = None


class PageArguments(_Input):
    """Which page of a list."""

    first: int | None = None
    after: str | None = None


class ListArguments(PageArguments):
    """Which page of a list, and of which status only."""

    status: Status | None = None


def _row(subscription: Subscription, applicant: Applicant) -> dict[str, Any]:
    return {
        "id": subscription.id,
        "application_id": subscription.application_id,
        "organization_id": subscription.organization_id,
        "product_id": subscription.product_id,
        "plan_id": subscription.plan_id,
        "provider_id": subscription.provider_id,
        "status": subscription.status.value,
        "reason": subscription.reason,
        "created_at": subscription.created_at,
        "changed_at": subscription.changed_at,
        "history": [
            {"status": each.status.value, "reason": each.reason, "actor": each.actor, "at": each.at}
            for each in subscription.history
        ],
        "applicant": {
            "application_name": applicant.application_name,
            "client_id": applicant.client_id,
            "organization_name": applicant.organization_name,
        },
    }


async def _rows(reader: Reader, subscriptions: Sequence[Subscription]) -> dict[str, dict[str, Any]]:
    """Return the rows by id; who asks is read for all of them together."""
    applicants = await access.applicants_of(reader, subscriptions)
    return {each.id: _row(each, applicants[each.id]) for each in subscriptions}


async def _one(asked: Asked, subscription: Subscription) -> Json:
    return (await _rows(asked.reader(), [subscription]))[subscription.id]


async def _connections(asked: Asked, pages: access.Pages, page: Page) -> Json:
    rows = await _rows(asked.reader(), [each for listed, _ in pages.values() for each in listed])
    made = {
        key: connection([rows[each.id] for each in listed], page, lambda row: (row["id"],), total=total)
        for key, (listed, total) in pages.items()
    }
    return [made.get(key) for key in asked.ids]


async def _approve(asked: Asked) -> Json:
    given = asked.read(ApproveInput)
    return await _one(asked, await asked.transact(lambda tx: actions.approve_subscription(tx, given.subscription_id)))


async def _reject(asked: Asked) -> Json:
    given = asked.read(RejectInput)
    return await _one(
        asked, await asked.transact(lambda tx: actions.reject_subscription(tx, given.subscription_id, given.reason))
    )


async def _cancel(asked: Asked) -> Json:
    given = asked.read(CancelInput)
    return await _one(
        asked, await asked.transact(lambda tx: actions.cancel_subscription(tx, given.subscription_id, given.reason))
    )


async def _load_by_id(asked: Asked) -> Json:
    reader = asked.reader()
    rows = await _rows(reader, list((await access.visible_subscriptions(reader, asked.ids)).values()))
    return [rows.get(key) for key in asked.ids]


async def _load_by_application(asked: Asked) -> Json:
    given = read_input(ListArguments, asked.args)
    page = read_page(given.first, given.after)
    pages = await access.subscriptions_of_applications(asked.reader(), asked.ids, given.status, page)
    return await _connections(asked, pages, page)


async def _load_requests(asked: Asked) -> Json:
    given = read_input(PageArguments, asked.args)
    page = read_page(given.first, given.after)
    return await _connections(asked, await access.requests_to_providers(asked.reader(), asked.ids, page), page)


def routes(edge: Edge, *, patience_seconds: float) -> list[BaseRoute]:
    """Return the routes; ``patience_seconds`` is how long subscribing waits for what has not been heard of yet."""

    async def subscribe(asked: Asked) -> Json:
        given = asked.read(SubscribeInput)
        subscription = await asked.transact(
            lambda tx: actions.subscribe(tx, given.application_id, given.product_id, given.plan_id),
            patience_seconds=patience_seconds,
        )
        return await _one(asked, subscription)

    r = Routes(edge)
    r.do("subscribe", subscribe)
    r.do("approve_subscription", _approve)
    r.do("reject_subscription", _reject)
    r.do("cancel_subscription", _cancel)
    r.load("subscriptions_by_id", _load_by_id)
    r.load("subscriptions_by_application", _load_by_application)
    r.load("subscription_requests_by_provider", _load_requests)
    return r.collected
