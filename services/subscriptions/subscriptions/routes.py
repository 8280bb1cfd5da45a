"""How to ask for subscriptions over HTTP."""

from collections.abc import Sequence
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, StringConstraints
from starlette.routing import BaseRoute

from chassis.mongo import Reader
from chassis.paging import Page, connection, read_page
from chassis.web import Asked, Edge, Json, Routes, read_input
from services.subscriptions.known.domain import Applicant
from services.subscriptions.subscriptions import access, actions
from services.subscriptions.subscriptions.domain import Cause, Change, PlanChange, Status, Subscription

Id = Annotated[str, StringConstraints(min_length=1, max_length=64)]
Side = Literal[Cause.PROVIDER, Cause.RECIPIENT, Cause.OPERATOR]
Reason = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=500)]


class Input(BaseModel):
    """What is sent: nothing but the fields that are named."""

    model_config = ConfigDict(extra="forbid")


class SubscribeInput(Input):
    """Which application to subscribe to which plan of which product."""

    application_id: Id
    product_id: Id
    plan_id: Id


class SubscriptionInput(Input):
    """Which subscription."""

    subscription_id: Id


class ReasonedInput(Input):
    """Which subscription to reject or to end, and why."""

    subscription_id: Id
    reason: Reason


class CancelInput(Input):
    """Which subscription to cancel, and why (if one likes to say)."""

    subscription_id: Id
    reason: Reason | None = None


class SuspendInput(ReasonedInput):
    """Which subscription to suspend, why, and as which side, for whoever acts for several."""

    side: Side | None = None


class ResumeInput(SubscriptionInput):
    """Which subscription to resume, and as which side, for whoever acts for several."""

    side: Side | None = None


class PageArguments(Input):
    """Which page of a list."""

    first: int | None = None
    after: str | None = None


class ListArguments(PageArguments):
    """Which page of a list, and of which status only."""

    status: Status | None = None


class ProviderListArguments(ListArguments):
    """Which page of a provider's list, of which status and to which product only."""

    product_id: Id | None = None


def _change(change: Change) -> dict[str, Any]:
    return {
        "what": change.what.value,
        "status": change.status.value,
        "reason": change.reason,
        "actor": change.actor,
        "at": change.at,
        "causes": [each.value for each in change.causes],
        "plan_id": change.plan_id,
    }


def _plan_change(wished: PlanChange | None) -> dict[str, Any] | None:
    if wished is None:
        return None
    return {
        "plan_id": wished.plan_id,
        "requested_by": wished.requested_by,
        "requested_at": wished.requested_at,
        "effective_at": wished.due_at,
        "awaits_approval": wished.awaits_approval,
    }


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
        "history": [_change(each) for each in subscription.history],
        "holds": [
            {"cause": each.cause.value, "reason": each.reason, "actor": each.actor, "at": each.at} for each in subscription.holds
        ],
        "plan_change": _plan_change(subscription.plan_change),
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


async def one(asked: Asked, subscription: Subscription) -> Json:
    """Return the row of a subscription that the one who asks has just changed."""
    return (await _rows(asked.reader(), [subscription]))[subscription.id]


async def _connections(asked: Asked, pages: access.Pages, page: Page) -> Json:
    rows = await _rows(asked.reader(), [each for listed, _ in pages.values() for each in listed])
    made = {
        key: connection([rows[each.id] for each in listed], page, lambda row: (row["id"],), total=total)
        for key, (listed, total) in pages.items()
    }
    return [made.get(key) for key in asked.ids]


async def _approve(asked: Asked) -> Json:
    given = asked.read(SubscriptionInput)
    return await one(asked, await asked.transact(lambda tx: actions.approve_subscription(tx, given.subscription_id)))


async def _reject(asked: Asked) -> Json:
    given = asked.read(ReasonedInput)
    return await one(asked, await asked.transact(lambda tx: actions.reject_subscription(tx, given.subscription_id, given.reason)))


async def _cancel(asked: Asked) -> Json:
    given = asked.read(CancelInput)
    return await one(asked, await asked.transact(lambda tx: actions.cancel_subscription(tx, given.subscription_id, given.reason)))


async def _end(asked: Asked) -> Json:
    given = asked.read(ReasonedInput)
    return await one(asked, await asked.transact(lambda tx: actions.end_subscription(tx, given.subscription_id, given.reason)))


async def _suspend(asked: Asked) -> Json:
    given = asked.read(SuspendInput)
    return await one(
        asked,
        await asked.transact(lambda tx: actions.suspend_subscription(tx, given.subscription_id, given.reason, given.side)),
    )


async def _resume(asked: Asked) -> Json:
    given = asked.read(ResumeInput)
    return await one(asked, await asked.transact(lambda tx: actions.resume_subscription(tx, given.subscription_id, given.side)))


async def _load_by_id(asked: Asked) -> Json:
    reader = asked.reader()
    rows = await _rows(reader, list((await access.visible_subscriptions(reader, asked.ids)).values()))
    return [rows.get(key) for key in asked.ids]


async def _load_by_application(asked: Asked) -> Json:
    given = read_input(ListArguments, asked.args)
    page = read_page(given.first, given.after)
    pages = await access.subscriptions_of_applications(asked.reader(), asked.ids, given.status, page)
    return await _connections(asked, pages, page)


async def _load_by_provider(asked: Asked) -> Json:
    given = read_input(ProviderListArguments, asked.args)
    page = read_page(given.first, given.after)
    pages = await access.subscriptions_to_providers(
        asked.reader(), asked.ids, page, status=given.status, product_id=given.product_id
    )
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
        return await one(asked, subscription)

    r = Routes(edge)
    r.do("subscribe", subscribe)
    r.do("approve_subscription", _approve)
    r.do("reject_subscription", _reject)
    r.do("cancel_subscription", _cancel)
    r.do("end_subscription", _end)
    r.do("suspend_subscription", _suspend)
    r.do("resume_subscription", _resume)
    r.load("subscriptions_by_id", _load_by_id)
    r.load("subscriptions_by_application", _load_by_application)
    r.load("subscriptions_by_provider", _load_by_provider)
    r.load("subscription_requests_by_provider", _load_requests)
    return r.collected
