"""What is true of an approval chain: its steps, who decides when, and what a wrong decision is called.

::

    WAITING ──open──▶ OPEN ──decide──▶ APPROVED | REJECTED | RETURNED
       ▲                │                  │
       └────────────────┴──────reset───────┘

The steps of one stage are open side by side; the next stage opens when all of them are approved. What was decided before a reset
stays in the record.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from chassis.errors import Conflict, FieldProblem, Forbidden, Invalid
from chassis.messages import Event
from services.subscriptions.events import (
    ApprovalStepDecided,
    ApprovalStepDueSoon,
    ApprovalStepEscalated,
    ApprovalStepOpened,
    ApprovalStepOverdue,
    ApproverSubstituted,
    SubstituteWithdrawn,
)

STEP_PREFIX = "aps"
MOST_STEPS = 20
ESCALATED_AFTER = timedelta(days=2)
DEFAULT_DUE_DAYS = 10


class ApprovingParty(StrEnum):
    """Who decides a step."""

    PROVIDER = "PROVIDER"
    SECURITY = "SECURITY"
    OPERATOR = "OPERATOR"


class StepStatus(StrEnum):
    """Where a step stands."""

    WAITING = "WAITING"
    OPEN = "OPEN"
    APPROVED = "APPROVED"
    REJECTED = "REJECTED"
    RETURNED = "RETURNED"


class Verdict(StrEnum):
    """What a party decides."""

    APPROVE = "APPROVE"
    REJECT = "REJECT"
    RETURN = "RETURN"


class Notice(StrEnum):
    """What time makes due with an open step."""

    DUE_SOON = "DUE_SOON"
    OVERDUE = "OVERDUE"
    ESCALATED = "ESCALATED"


_OUTCOMES = {
    Verdict.APPROVE: StepStatus.APPROVED,
    Verdict.REJECT: StepStatus.REJECTED,
    Verdict.RETURN: StepStatus.RETURNED,
}


class StepNotOpen(Conflict):
    """The step's turn has not come: earlier steps or documents are missing, or the request is with the recipient."""


class StepDecidedAlready(Conflict):
    """The step is decided."""


class FiledByYourself(Forbidden):
    """Nobody decides on a connection request that they have filed themselves."""


class NotYourStep(Forbidden):
    """Another party decides this step."""


class ChainNotUsable(Invalid):
    """An approval chain has at least one step and at most twenty."""

    def __init__(self) -> None:
        super().__init__(fields=[FieldProblem("steps", f"give 1 to {MOST_STEPS} steps")])


class NotOfTheParty(Conflict):
    """A substitute belongs to the party for which they decide."""

    def __init__(self) -> None:
        super().__init__(fields=[FieldProblem("user_id", "give a user who belongs to the step's party")])


class ReasonMissing(Invalid):
    """Whoever rejects or returns says why."""

    def __init__(self) -> None:
        super().__init__(fields=[FieldProblem("reason", "say why")])


class NoSuchSubstitute(Conflict):
    """The user is no substitute in this step."""


@dataclass(frozen=True, slots=True)
class Planned:
    """A step as a product's chain has it: steps of equal stages are decided side by side."""

    party: ApprovingParty
    stage: int
    due_days: int
    title: str | None = None


DEFAULT_CHAIN = (
    Planned(ApprovingParty.PROVIDER, 1, DEFAULT_DUE_DAYS),
    Planned(ApprovingParty.OPERATOR, 2, DEFAULT_DUE_DAYS),
)


@dataclass(frozen=True, slots=True)
class Decision:
    """What was decided, by whom for the party, when and why, with its evidence. ``as_substitute``: it was a named substitute."""

    verdict: Verdict
    by: str
    at: datetime
    reason: str | None
    note: str | None = None
    file_id: str | None = None
    as_substitute: bool = False


@dataclass(frozen=True, slots=True)
class Step:
    """A step in the chain of one connection request. ``decisions`` are all that were made, also before a reset."""

    id: str
    request_id: str
    organization_id: str
    provider_id: str
    product_id: str
    planned: Planned
    status: StepStatus = StepStatus.WAITING
    opened_at: datetime | None = None
    due_at: datetime | None = None
    told: frozenset[Notice] = frozenset()
    substitutes: tuple[str, ...] = ()
    decisions: tuple[Decision, ...] = ()

    @property
    def party(self) -> ApprovingParty:
        """Return who decides."""
        return self.planned.party

    def open(self, now: datetime) -> tuple["Step", ApprovalStepOpened]:
        """Let the party decide from now on; the step waits."""
        due_at = now + timedelta(days=self.planned.due_days)
        opened = replace(self, status=StepStatus.OPEN, opened_at=now, due_at=due_at, told=frozenset())
        return opened, ApprovalStepOpened(**opened.tells())

    def reset(self) -> "Step":
        """Let the step wait for its turn again, whatever was decided."""
        return replace(self, status=StepStatus.WAITING, opened_at=None, due_at=None, told=frozenset())

    def decide(self, decision: Decision) -> tuple["Step", ApprovalStepDecided]:
        """Decide the step. Raises ``StepNotOpen``, ``StepDecidedAlready`` or ``ReasonMissing``."""
        if self.status is StepStatus.WAITING:
            raise StepNotOpen
        if self.status is not StepStatus.OPEN:
            raise StepDecidedAlready
        if decision.verdict is not Verdict.APPROVE and not decision.reason:
            raise ReasonMissing
        decided = replace(self, status=_OUTCOMES[decision.verdict], decisions=(*self.decisions, decision))
        told = {**decided.tells(), "reason": decision.reason}
        fact = ApprovalStepDecided(**told, decision=decision.verdict, decided_by=decision.by, evidence_file_id=decision.file_id)
        return decided, fact

    def substitute(self, user_id: str) -> tuple["Step", ApproverSubstituted]:
        """Let a named user decide, too. Raises ``StepDecidedAlready``."""
        if self.status not in (StepStatus.WAITING, StepStatus.OPEN):
            raise StepDecidedAlready
        named = replace(self, substitutes=tuple(dict.fromkeys([*self.substitutes, user_id])))
        return named, ApproverSubstituted(**named.tells(), user_id=user_id)

    def withdraw_substitute(self, user_id: str) -> tuple["Step", SubstituteWithdrawn]:
        """Let a named user decide no more. Raises ``NoSuchSubstitute``."""
        if user_id not in self.substitutes:
            raise NoSuchSubstitute
        left = replace(self, substitutes=tuple(each for each in self.substitutes if each != user_id))
        return left, SubstituteWithdrawn(**left.tells(), user_id=user_id)

    @property
    def next_at(self) -> datetime | None:
        """Return when time makes something due with it, or None."""
        return min((at for notice, at in self.moments() if notice not in self.told), default=None)

    def keep_time(self, now: datetime) -> tuple["Step", list[Event]]:
        """Remind, and say that it is late, as far as its time has come."""
        due = [notice for notice, at in self.moments() if at <= now and notice not in self.told]
        kept = replace(self, told=self.told | frozenset(due))
        facts: list[Event] = []
        if Notice.DUE_SOON in due and len(due) == 1:
            facts.append(ApprovalStepDueSoon(**kept.tells()))
        if Notice.OVERDUE in due:
            facts.append(ApprovalStepOverdue(**kept.tells()))
        if Notice.ESCALATED in due:
            facts.append(ApprovalStepEscalated(**kept.tells()))
        return kept, facts

    def moments(self) -> Iterable[tuple[Notice, datetime]]:
        """Return what time makes due with the step while it is open, and when."""
        if self.status is not StepStatus.OPEN or self.due_at is None:
            return
        before = timedelta(days=1) if self.planned.due_days > 1 else timedelta(hours=12)
        yield Notice.DUE_SOON, self.due_at - before
        yield Notice.OVERDUE, self.due_at
        yield Notice.ESCALATED, self.due_at + ESCALATED_AFTER

    def tells(self) -> dict[str, Any]:
        """Return what every fact about the step tells."""
        return {
            "step_id": self.id,
            "request_id": self.request_id,
            "organization_id": self.organization_id,
            "provider_id": self.provider_id,
            "product_id": self.product_id,
            "party": self.party.value,
            "stage": self.planned.stage,
            "due_at": self.due_at,
        }


def read_chain(steps: Sequence[Planned]) -> tuple[Planned, ...]:
    """Return a chain in the order of its stages. Raises ``ChainNotUsable``."""
    if not 1 <= len(steps) <= MOST_STEPS:
        raise ChainNotUsable
    return tuple(sorted(steps, key=lambda each: each.stage))


def next_to_open(steps: Sequence[Step]) -> list[Step]:
    """Return the steps whose turn has come and that wait: those of the first stage that is not approved as a whole."""
    left = [each for each in steps if each.status is not StepStatus.APPROVED]
    stage = min((each.planned.stage for each in left), default=None)
    return [each for each in left if each.planned.stage == stage and each.status is StepStatus.WAITING]


def are_all_approved(steps: Sequence[Step]) -> bool:
    """Say whether the chain is through."""
    return all(each.status is StepStatus.APPROVED for each in steps)
