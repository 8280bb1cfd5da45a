"""What is true of a change of plan: when it begins, who has to agree, what it changes, and what stands in its way.

::

    request ──► at once, where the plan approves automatically
       │
       ├──► waiting for the provider ──approve──► waiting for its time, or at once
       │           └──reject──► the present plan goes on
       └──► waiting for its time ──due──► on the other plan; or lapsed, where it is not offered any more

Until then the present plan goes on. Whoever wished for it may withdraw what waits. At most one change waits: it is part of the
subscription itself.
"""

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any

from chassis.errors import Conflict, Invalid, invalid
from chassis.messages import Event
from services.subscriptions.calls.domain import MONTH, Used, period_of
from services.subscriptions.events import (
    PlanChangeApproved,
    PlanChanged,
    PlanChangeLapsed,
    PlanChangeRejected,
    PlanChangeRequested,
    PlanChangeWithdrawn,
)
from services.subscriptions.known.domain import Plan, Terms
from services.subscriptions.subscriptions.domain import PlanChange, PlanWithdrawn, Step, Subscription, What, require_on_offer

LONGEST_WAIT = timedelta(days=366)
Outcome = tuple[Subscription, list[Event]]


class When(StrEnum):
    """When another plan begins."""

    NOW = "NOW"
    AT = "AT"
    NEXT_PERIOD = "NEXT_PERIOD"


class AlreadyOnThisPlan(Conflict):
    """The subscription is on this plan already."""


class PlanChangePending(Conflict):
    """Another change of plan waits already; withdraw that one first."""


class NoPlanChange(Conflict):
    """No change of plan waits."""


class PlanChangeDecided(Conflict):
    """Nothing is left to decide about the change of plan: it waits for its time."""


def due_at(when: When, at: datetime | None, plans: tuple[Plan | None, Plan], now: datetime) -> datetime | None:
    """Return when the change is to begin, None for at once; ``plans`` are the present one and the other.

    The next period is that of the present plan's quota, else of the other one's, else the calendar month. Raises ``Invalid``.
    """
    _require_moment(when, at, now)
    if at is not None:
        return at.astimezone(UTC).replace(microsecond=at.microsecond // 1000 * 1000)
    if when is When.NOW:
        return None
    period, zone = counted_by(*plans) or (MONTH, "UTC")
    return period_of(period, now, zone)[1]


def counted_by(*plans: Plan | None) -> tuple[str, str] | None:
    """Return the kind of period of the first of these plans that has a quota, and its time zone; None where none has."""
    terms = [each.terms for each in plans if each is not None and each.terms is not None]
    return next(((each.quota_period, each.quota_time_zone) for each in terms if each.quota_period is not None), None)


def _require_moment(when: When, at: datetime | None, now: datetime) -> None:
    refused: Invalid | None = None
    if (at is not None) != (when is When.AT):
        refused = invalid("at", "give a moment with the word AT, and with no other")
    elif at is not None and at.tzinfo is None:
        refused = invalid("at", "give the moment's offset from UTC")
    elif at is not None and not now < at <= now + LONGEST_WAIT:
        refused = invalid("at", f"give a moment within the next {LONGEST_WAIT.days} days")
    if refused is not None:
        raise refused


def require_possible(subscription: Subscription, plan: Plan, at: datetime) -> None:
    """Refuse a plan that the subscription cannot go over to at a moment. Raises the refusal that says why."""
    subscription.require_in_force()
    require_on_offer(plan, subscription.product_id, at)
    if plan.id == subscription.plan_id:
        raise AlreadyOnThisPlan


def request(subscription: Subscription, plan: Plan, due: datetime | None, step: Step) -> Outcome:
    """Go over to another plan, or wait for its time or the provider. Raises the refusal that says what stands in the way."""
    require_possible(subscription, plan, due or step.at)
    if subscription.plan_change is not None:
        raise PlanChangePending
    wished = PlanChange(plan.id, step.actor, step.at, due, awaits_approval=not plan.approves_automatically)
    if plan.approves_automatically and due is None:
        return _go_over(subscription, wished, step)
    waiting = replace(subscription.noted(What.PLAN_CHANGE_REQUESTED, step, plan_id=plan.id), plan_change=wished)
    told = _told(subscription, wished, step)
    return waiting, [PlanChangeRequested(**told, needs_approval=wished.awaits_approval)]


def approve(subscription: Subscription, plan: Plan, step: Step) -> Outcome:
    """Agree to the change that waits: it begins, or waits for its time. Raises the refusal that says what stands in the way."""
    wished = _undecided(subscription)
    require_on_offer(plan, subscription.product_id, step.at if wished.due_at is None else max(wished.due_at, step.at))
    agreed = replace(wished, awaits_approval=False)
    noted = replace(subscription.noted(What.PLAN_CHANGE_APPROVED, step, plan_id=wished.plan_id), plan_change=agreed)
    events: list[Event] = [PlanChangeApproved(**_told(subscription, wished, step))]
    if wished.due_at is not None and wished.due_at > step.at:
        return noted, events
    changed, more = _go_over(noted, agreed, step)
    return changed, [*events, *more]


def reject(subscription: Subscription, step: Step) -> Outcome:
    """Decline the change that waits. Raises ``NoPlanChange`` or ``PlanChangeDecided``."""
    wished = _undecided(subscription)
    return _drop(subscription, wished, What.PLAN_CHANGE_REJECTED, step), [PlanChangeRejected(**_told(subscription, wished, step))]


def withdraw(subscription: Subscription, step: Step) -> Outcome:
    """Take back the change that waits. Raises ``NoPlanChange``."""
    wished = _waiting(subscription)
    changed = _drop(subscription, wished, What.PLAN_CHANGE_WITHDRAWN, step)
    return changed, [PlanChangeWithdrawn(**_told(subscription, wished, step))]


def begin(subscription: Subscription, plan: Plan | None, step: Step) -> Outcome:
    """Go over to the other plan, whose time has come; where it is not offered any more, the change lapses."""
    wished = _waiting(subscription)
    try:
        if plan is None:
            raise PlanWithdrawn
        require_on_offer(plan, subscription.product_id, wished.due_at or step.at)
    except Conflict as refusal:
        lapsed = replace(step, reason=refusal.message)
    else:
        return _go_over(subscription, wished, step)
    changed = _drop(subscription, wished, What.PLAN_CHANGE_LAPSED, lapsed)
    return changed, [PlanChangeLapsed(**_told(subscription, wished, lapsed))]


def _waiting(subscription: Subscription) -> PlanChange:
    subscription.require_in_force()
    if subscription.plan_change is None:
        raise NoPlanChange
    return subscription.plan_change


def _undecided(subscription: Subscription) -> PlanChange:
    wished = _waiting(subscription)
    if not wished.awaits_approval:
        raise PlanChangeDecided
    return wished


def _drop(subscription: Subscription, wished: PlanChange, what: What, step: Step) -> Subscription:
    return replace(subscription.noted(what, step, plan_id=wished.plan_id), plan_change=None)


def _go_over(subscription: Subscription, wished: PlanChange, step: Step) -> Outcome:
    former = subscription.plan_id
    moved = replace(subscription, plan_id=wished.plan_id, plan_change=None)
    changed = moved.noted(What.PLAN_CHANGED, step, plan_id=wished.plan_id)
    return changed, [PlanChanged(**changed.told(), causes=changed.causes, former_plan_id=former)]


def _told(subscription: Subscription, wished: PlanChange, step: Step) -> dict[str, Any]:
    told = {**subscription.told(), "reason": step.reason, "causes": subscription.causes}
    return {**told, "new_plan_id": wished.plan_id, "effective_at": wished.due_at}


@dataclass(frozen=True, slots=True)
class Warn:
    """Something to know before one changes the plan: a lasting name, and a sentence."""

    code: str
    message: str


@dataclass(frozen=True, slots=True)
class Preview:
    """What a change of plan would mean: terms, when, who agrees, what is used and what would be left."""

    present: Plan | None
    other: Plan
    effective_at: datetime
    used: Used | None
    """In the period of the other plan's quota, or of the present one's; None where neither has a quota."""
    warnings: tuple[Warn, ...]

    @property
    def remaining_now(self) -> int | None:
        """Return the calls that are left of the present quota; None where there is none, or its period is another one."""
        return _remaining(self.present.terms if self.present else None, self.used)

    @property
    def remaining_after(self) -> int | None:
        """Return the calls that would be left once the change is in force, by what is used now; None without a quota."""
        terms = self.other.terms
        if terms is None or terms.quota_calls is None or self.used is None:
            return None
        if is_counted_anew(self):
            return terms.quota_calls
        return _remaining(terms, self.used)


def is_counted_anew(preview: Preview) -> bool:
    """Say whether the count begins anew with the change: in another kind of period, or in a later one."""
    before = preview.present.terms if preview.present else None
    after = preview.other.terms
    if before is None or after is None or preview.used is None:
        return False
    return before.quota_period != after.quota_period or preview.effective_at >= preview.used.ends_at


def _remaining(terms: Terms | None, used: Used | None) -> int | None:
    if terms is None or terms.quota_calls is None or used is None or used.period != terms.quota_period:
        return None
    return max(terms.quota_calls - used.calls, 0)


def preview(present: Plan | None, other: Plan, effective_at: datetime, used: Used | None) -> Preview:
    """Return what a change of plan would mean."""
    bare = Preview(present, other, effective_at, used, ())
    return replace(bare, warnings=tuple(_warnings(bare)))


def _warnings(bare: Preview) -> list[Warn]:
    before, after, used = bare.present.terms if bare.present else None, bare.other.terms, bare.used
    if after is None:
        return []
    found = [] if before is None else _lower(before, after)
    if used is not None and after.quota_calls is not None:
        if before is not None and before.quota_period not in (None, after.quota_period):
            found.append(Warn("COUNTED_ANEW", "The new quota is for another period: calls are counted anew under it."))
        elif not is_counted_anew(bare) and used.calls >= after.quota_calls:
            found.append(Warn("QUOTA_USED_UP", "More calls were made in this period than the new quota allows: all are refused."))
        if used.calls_before > after.quota_calls:
            found.append(Warn("QUOTA_BELOW_LAST_PERIOD", "The period before this one had more calls than the new quota allows."))
    return found


def _lower(before: Terms, after: Terms) -> list[Warn]:
    found = []
    if after.rate_requests * before.rate_seconds < before.rate_requests * after.rate_seconds:
        found.append(
            Warn("RATE_LOWER", "Fewer calls per second pass than now. How close the calls come to that is not known here.")
        )
    if after.burst < before.burst:
        found.append(Warn("BURST_LOWER", "Fewer calls at once pass than now."))
    if after.quota_calls is not None and before.quota_calls is None:
        found.append(Warn("QUOTA_NEW", "Calls are counted against a quota, which they are not now."))
    return found
