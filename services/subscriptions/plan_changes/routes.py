"""How to ask for another plan over HTTP."""

from dataclasses import asdict
from datetime import datetime
from typing import Any

from starlette.routing import BaseRoute

from chassis.web import Asked, Edge, Json, Routes
from services.subscriptions.known.domain import Plan
from services.subscriptions.plan_changes import actions
from services.subscriptions.plan_changes.domain import Preview, When
from services.subscriptions.subscriptions.routes import Id, Input, Reason, SubscriptionInput, one


class ChangePlanInput(Input):
    """Which subscription shall go over to which plan, and when; ``at`` goes with the word AT."""

    subscription_id: Id
    plan_id: Id
    when: When = When.NOW
    at: datetime | None = None

    def asked(self) -> actions.Asked:
        """Return what the action takes."""
        return actions.Asked(self.subscription_id, self.plan_id, self.when, self.at)


class RejectPlanChangeInput(Input):
    """Of which subscription the change of plan is declined, and why."""

    subscription_id: Id
    reason: Reason


def _limits(plan_id: str, plan: Plan | None) -> dict[str, Any]:
    if plan is None or plan.terms is None:
        return {"plan_id": plan_id, "name": None}
    return {"plan_id": plan_id, **asdict(plan.terms)}


def _preview_row(subscription_id: str, preview: Preview) -> dict[str, Any]:
    used = preview.used
    return {
        "subscription_id": subscription_id,
        "present": None if preview.present is None else _limits(preview.present.id, preview.present),
        "other": _limits(preview.other.id, preview.other),
        "needs_approval": not preview.other.approves_automatically,
        "effective_at": preview.effective_at,
        "used": None if used is None else asdict(used),
        "remaining_now": preview.remaining_now,
        "remaining_after": preview.remaining_after,
        "warnings": [{"code": each.code, "message": each.message} for each in preview.warnings],
    }


def routes(edge: Edge, *, patience_seconds: float) -> list[BaseRoute]:
    """Return the routes; ``patience_seconds`` is how long a plan that has not been heard of yet is waited for."""

    async def preview(asked: Asked) -> Json:
        given = asked.read(ChangePlanInput).asked()
        made = await asked.transact(lambda tx: actions.preview_plan_change(tx, given), patience_seconds=patience_seconds)
        return _preview_row(given.subscription_id, made)

    async def change(asked: Asked) -> Json:
        given = asked.read(ChangePlanInput).asked()
        changed = await asked.transact(lambda tx: actions.change_subscription_plan(tx, given), patience_seconds=patience_seconds)
        return await one(asked, changed)

    r = Routes(edge)
    r.do("preview_plan_change", preview)
    r.do("change_subscription_plan", change)
    r.do("approve_plan_change", _approve)
    r.do("reject_plan_change", _reject)
    r.do("withdraw_plan_change", _withdraw)
    return r.collected


async def _approve(asked: Asked) -> Json:
    given = asked.read(SubscriptionInput)
    return await one(asked, await asked.transact(lambda tx: actions.approve_plan_change(tx, given.subscription_id)))


async def _reject(asked: Asked) -> Json:
    given = asked.read(RejectPlanChangeInput)
    return await one(asked, await asked.transact(lambda tx: actions.reject_plan_change(tx, given.subscription_id, given.reason)))


async def _withdraw(asked: Asked) -> Json:
    given = asked.read(SubscriptionInput)
    return await one(asked, await asked.transact(lambda tx: actions.withdraw_plan_change(tx, given.subscription_id)))
