"""Approvals: who decides about a connection to a product, in which order, and what they decided."""

from enum import Enum
from typing import Annotated

import strawberry

from graphql_gateway.engine.declare import Load, Parent, does, loads, planned, reads
from graphql_gateway.schema.connecting import ApprovalChain, ApprovingParty
from graphql_gateway.schema.described import enum, input_, type_
from graphql_gateway.schema.files import File
from graphql_gateway.schema.problems import Problem
from graphql_gateway.schema.scalars import DateTime
from graphql_gateway.schema.services import IDENTITY, SUBSCRIPTIONS


@enum
class ApprovalStepStatus(Enum):
    """Where a step stands."""

    WAITING = "WAITING"
    OPEN = "OPEN"
    APPROVED = "APPROVED"
    REJECTED = "REJECTED"
    RETURNED = "RETURNED"


@enum
class ApprovalVerdict(Enum):
    """What is decided: the chain goes on, the request ends, or it goes back to the recipient."""

    APPROVE = "APPROVE"
    REJECT = "REJECT"
    RETURN = "RETURN"


@type_
class ApprovalDecision:
    """One decision, as it stays in the record."""

    step_id: strawberry.ID
    party: ApprovingParty
    title: str | None
    decision: ApprovalVerdict
    decided_by: strawberry.ID
    as_substitute: bool = reads(says="Whether a named substitute decided for the party.")
    at: DateTime
    reason: str | None
    evidence_note: str | None
    evidence_file_id: strawberry.ID | None
    evidence_file: File | None = loads(Load(IDENTITY, "files_by_id", Parent("evidence_file_id")))


@type_
class ApprovalStep:
    """A step in the chain of one connection request."""

    id: strawberry.ID
    party: ApprovingParty
    stage: int = reads(says="Steps of one stage are open side by side.")
    title: str | None
    due_days: int
    status: ApprovalStepStatus
    opened_at: DateTime | None
    due_at: DateTime | None
    is_overdue: bool
    is_escalated: bool
    substitute_ids: list[strawberry.ID] = reads(size=1)
    decision: ApprovalDecision | None = reads(says="The one that stands; null while it is to be decided.")
    decisions: list[ApprovalDecision] = reads(size=2, says="All that were made, also before it was to be decided again.")


@input_
class PlannedApprovalStepInput:
    """A step: who decides it, in which stage, within how many days."""

    party: ApprovingParty
    stage: int
    due_days: int
    title: str | None = strawberry.UNSET


@input_
class SetApprovalChainInput:
    """The steps of a product's chain, 1 to 20. Requests that are filed already keep theirs."""

    product_id: strawberry.ID
    steps: list[PlannedApprovalStepInput]


@input_
class DecideApprovalStepInput:
    """How a step is decided. Whoever rejects or returns says why; evidence is a file of one's own, a note, or both."""

    step_id: strawberry.ID
    decision: ApprovalVerdict
    reason: str | None = strawberry.UNSET
    evidence_file_id: strawberry.ID | None = strawberry.UNSET
    evidence_note: str | None = strawberry.UNSET


@input_
class SubstituteApproverInput:
    """Which user of the same party may decide a step, too."""

    step_id: strawberry.ID
    user_id: strawberry.ID


@input_
class WithdrawSubstituteInput:
    """Which user may decide a step no more."""

    step_id: strawberry.ID
    user_id: strawberry.ID


@type_
class ApprovalMutations:
    """What providers say about their products' chains."""

    @does(SUBSCRIPTIONS, "set_approval_chain")
    def set_approval_chain(
        self, input_: Annotated[SetApprovalChainInput, strawberry.argument(name="input")]
    ) -> Annotated[ApprovalChain | Problem, strawberry.union("SetApprovalChainResult")]:
        """Say who decides about connections to a product, as its provider or as the operator."""
        planned(input_)
