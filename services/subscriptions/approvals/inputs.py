"""What the verbs of approvals take, as it is sent."""

from typing import Annotated

from pydantic import Field, StringConstraints

from services.subscriptions.agreements.inputs import Id, Input, Reason
from services.subscriptions.approvals.domain import MOST_STEPS, ApprovingParty, Planned, Verdict

_MOST_DAYS = 365
Title = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)]


class PlannedStep(Input):
    """A step of a product's chain."""

    party: ApprovingParty
    stage: Annotated[int, Field(ge=1, le=MOST_STEPS)]
    due_days: Annotated[int, Field(ge=1, le=_MOST_DAYS)]
    title: Title | None = None


class SetApprovalChain(Input):
    """Who decides about connections to a product, in which order and until when."""

    product_id: Id
    steps: Annotated[tuple[PlannedStep, ...], Field(max_length=100)]

    def to_steps(self) -> list[Planned]:
        """Return the steps as the chain has them."""
        return [Planned(each.party, each.stage, each.due_days, each.title) for each in self.steps]


class DecideStep(Input):
    """How a step is decided, why, and on what evidence: an uploaded file, a note, or both."""

    step_id: Id
    decision: Verdict
    reason: Reason | None = None
    evidence_file_id: Id | None = None
    evidence_note: Annotated[str, StringConstraints(strip_whitespace=True, max_length=4000)] | None = None


class OfSubstitute(Input):
    """Which user may decide which step, too."""

    step_id: Id
    user_id: Id
