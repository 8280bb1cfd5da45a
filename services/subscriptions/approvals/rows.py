"""Approval chains as they are shown: what a product's chain is, and the record of a request's decisions."""

from collections.abc import Iterable, Sequence
from typing import Any

from services.subscriptions.approvals.domain import Planned, Step, StepStatus

Row = dict[str, Any]


def chain_row(product_id: str, chain: Iterable[Planned]) -> Row:
    """Return a product's chain."""
    return {"product_id": product_id, "steps": [_planned(each) for each in chain]}


def step_row(step: Step) -> Row:
    """Return a step with the record of its decisions, also of those before the step was opened again."""
    is_decided = step.status not in (StepStatus.WAITING, StepStatus.OPEN)
    decisions = [_decision_row(step, number) for number in range(len(step.decisions))]
    return {
        "id": step.id,
        **_planned(step.planned),
        "status": step.status.value,
        "opened_at": step.opened_at,
        "due_at": step.due_at,
        "is_overdue": "OVERDUE" in step.told,
        "is_escalated": "ESCALATED" in step.told,
        "substitute_ids": list(step.substitutes),
        "decision": decisions[-1] if is_decided and decisions else None,
        "decisions": decisions,
    }


def record_rows(steps: Sequence[Step]) -> list[Row]:
    """Return everything that was decided, in the order in which it was."""
    rows = [_decision_row(step, number) for step in steps for number in range(len(step.decisions))]
    return sorted(rows, key=lambda row: row["at"])


def _decision_row(step: Step, number: int) -> Row:
    decision = step.decisions[number]
    return {
        "step_id": step.id,
        "party": step.party.value,
        "title": step.planned.title,
        "decision": decision.verdict.value,
        "decided_by": decision.by,
        "as_substitute": decision.as_substitute,
        "at": decision.at,
        "reason": decision.reason,
        "evidence_note": decision.note,
        "evidence_file_id": decision.file_id,
    }


def _planned(planned: Planned) -> Row:
    return {"party": planned.party.value, "stage": planned.stage, "due_days": planned.due_days, "title": planned.title}
