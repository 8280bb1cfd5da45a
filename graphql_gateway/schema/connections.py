"""Connection requests: how an organization comes to be connected to a product that asks for an agreement."""

from enum import Enum
from typing import Annotated, Any

import strawberry

from graphql_gateway.engine.declare import Argument, Load, Parent, asks, does, later, loads, planned, reads
from graphql_gateway.schema.agreements import Agreement
from graphql_gateway.schema.approvals import (
    ApprovalDecision,
    ApprovalStep,
    DecideApprovalStepInput,
    SubstituteApproverInput,
    WithdrawSubstituteInput,
)
from graphql_gateway.schema.connecting import AgreementKind
from graphql_gateway.schema.described import enum, input_, type_
from graphql_gateway.schema.nodes import Connection, Id, Node
from graphql_gateway.schema.problems import Problem
from graphql_gateway.schema.products import Product
from graphql_gateway.schema.scalars import DateTime
from graphql_gateway.schema.services import CATALOG, IDENTITY, SUBSCRIPTIONS


@enum
class ConnectionRequestStatus(Enum):
    """Where a connection request stands."""

    DRAFT = "DRAFT"
    FILED = "FILED"
    IN_PROGRESS = "IN_PROGRESS"
    RETURNED = "RETURNED"
    COMPLETED = "COMPLETED"
    REJECTED = "REJECTED"
    WITHDRAWN = "WITHDRAWN"


@enum
class ConnectionHolder(Enum):
    """On whose desk a request lies."""

    RECIPIENT = "RECIPIENT"
    OPERATOR = "OPERATOR"


@enum
class ConnectionActKind(Enum):
    """What somebody did about a request."""

    DRAFTED = "DRAFTED"
    CHANGED = "CHANGED"
    FILED = "FILED"
    ASSIGNED = "ASSIGNED"
    RELEASED = "RELEASED"
    DOCUMENT_REQUESTED = "DOCUMENT_REQUESTED"
    DOCUMENT_ATTACHED = "DOCUMENT_ATTACHED"
    DOCUMENT_COUNTERSIGNED = "DOCUMENT_COUNTERSIGNED"
    DOCUMENT_CONFIRMED = "DOCUMENT_CONFIRMED"
    DOCUMENT_RETURNED = "DOCUMENT_RETURNED"
    STEP_DECIDED = "STEP_DECIDED"
    RETURNED = "RETURNED"
    COMPLETED = "COMPLETED"
    REJECTED = "REJECTED"
    WITHDRAWN = "WITHDRAWN"


@enum
class ConnectionFormPart(Enum):
    """A part of the form."""

    APPLICATION_IDS = "APPLICATION_IDS"
    PURPOSE = "PURPOSE"
    LEGAL_BASIS = "LEGAL_BASIS"
    DATA_CATEGORIES = "DATA_CATEGORIES"
    CONTACT_NOTE = "CONTACT_NOTE"


@type_
class ConnectedApplication:
    """An application for which a connection is asked, as the provider learns it, too."""

    application_id: strawberry.ID
    name: str | None
    client_id: str | None


@type_
class ConnectionForm:
    """What the organization asks for, and why."""

    applications: list[ConnectedApplication] = reads(size=2)
    purpose: str
    legal_basis: str
    data_categories: list[str]
    contact_note: str | None = reads(says="Whom to write to or to call.")


@type_
class ConnectionDifference:
    """A part of the form that is another one than when the request was filed before."""

    part: ConnectionFormPart
    before: str | None
    after: str | None


@type_
class ConnectionAct:
    """What somebody did."""

    kind: ConnectionActKind
    at: DateTime
    user_id: strawberry.ID = reads(says="Who did it: a user, or a part of the platform.")
    about: str | None = reads(says="The document's kind, or the step's party.")
    representative_id: strawberry.ID | None = reads(says="To whom the request was assigned.")
    reason: str | None
    reasons: list[str] = reads(size=2, says="Why it was returned.")
    differences: list[ConnectionDifference] = reads(size=2, says="What was filed anew, for those who may see the form.")


@type_
class ConnectionStage:
    """A time during which a request stood in one state with one holder."""

    status: ConnectionRequestStatus
    holder: ConnectionHolder | None
    representative_id: strawberry.ID | None
    since: DateTime
    until: DateTime | None = reads(says="Null for the stage that lasts.")
    seconds: int = reads(says="How long it lasted, or has lasted until now.")
    acts: list[ConnectionAct] = reads(size=3)


@type_
class ConnectionRequest(Node):
    """An organization's request to be connected to a product.

    The organization's members see where it stands. Those who may file, and once it is filed the provider and the operator,
    see the whole of it.
    """

    organization_id: strawberry.ID
    organization_name: str | None
    organization: Any = loads(
        Load(IDENTITY, "organizations_by_id", Parent("organization_id")), later("organizations", "Organization")
    )
    product_id: strawberry.ID
    product: Product | None = loads(Load(CATALOG, "products_by_id", Parent("product_id")))
    provider_id: strawberry.ID
    status: ConnectionRequestStatus
    holder: ConnectionHolder | None = reads(says="Null once it is finished.")
    held_since: DateTime
    held_seconds: int | None = reads(says="How long it has been with its holder.")
    representative_id: strawberry.ID | None = reads(says="The operator's business representative who runs it.")
    created_at: DateTime
    filed_at: DateTime | None
    times_returned: int
    form: ConnectionForm | None
    required_documents: list[AgreementKind] = reads(size=4)
    documents: list[Agreement] | None = reads(size=4, says="Those that are in force, and those that are being concluded.")
    approval: list[ApprovalStep] = reads(size=3)
    decisions: list[ApprovalDecision] = reads(size=4, says="The record: everything that was decided, in its order.")
    timeline: list[ConnectionStage] = reads(size=5)


ConnectionRequestConnection = Connection[ConnectionRequest]


@type_
class ConnectionQueries:
    """What may be asked of connection requests at the root."""

    @asks(Load(SUBSCRIPTIONS, "connection_requests_by_id", Argument("id")))
    def connection_request(self, id_: Id) -> ConnectionRequest | None:
        """Read one connection request."""
        planned(id_)


@input_
class DraftConnectionRequestInput:
    """Which of an organization's applications are to be connected to which product, and why."""

    organization_id: strawberry.ID
    product_id: strawberry.ID
    application_ids: list[strawberry.ID]
    purpose: str
    legal_basis: str
    data_categories: list[str] = strawberry.field(default_factory=list)
    contact_note: str | None = strawberry.UNSET


@input_
class FileConnectionRequestInput:
    """Which of an organization's applications are to be connected to which product, and why.

    A draft of the organization, or a request that was returned to it, is filed with these contents.
    """

    organization_id: strawberry.ID
    product_id: strawberry.ID
    application_ids: list[strawberry.ID]
    purpose: str
    legal_basis: str
    data_categories: list[str] = strawberry.field(default_factory=list)
    contact_note: str | None = strawberry.UNSET


@input_
class ChangeConnectionRequestInput:
    """The whole form as it is to be."""

    request_id: strawberry.ID
    application_ids: list[strawberry.ID]
    purpose: str
    legal_basis: str
    data_categories: list[str] = strawberry.field(default_factory=list)
    contact_note: str | None = strawberry.UNSET


@input_
class SubmitConnectionRequestInput:
    """Which request is handed in as it stands, or in again."""

    request_id: strawberry.ID


@input_
class WithdrawConnectionRequestInput:
    """Which request is taken back, and perhaps why."""

    request_id: strawberry.ID
    reason: str | None = strawberry.UNSET


@input_
class AssignRepresentativeInput:
    """Which business representative runs which request."""

    request_id: strawberry.ID
    user_id: strawberry.ID


@input_
class TakeConnectionRequestInput:
    """Which request one runs oneself."""

    request_id: strawberry.ID


@input_
class RequestDocumentInput:
    """Which document a request takes, too."""

    request_id: strawberry.ID
    kind: AgreementKind


@input_
class ReturnConnectionRequestInput:
    """Which request goes back, and why; at least one reason."""

    request_id: strawberry.ID
    reasons: list[str]


@input_
class RejectConnectionRequestInput:
    """Which request is turned down, and why."""

    request_id: strawberry.ID
    reason: str


@input_
class CompleteConnectionRequestInput:
    """Which request is fulfilled."""

    request_id: strawberry.ID


@type_
class ConnectionMutations:
    """What an organization does to be connected, and what the parties decide about it."""

    @does(SUBSCRIPTIONS, "draft_connection_request")
    def draft_connection_request(
        self, input_: Annotated[DraftConnectionRequestInput, strawberry.argument(name="input")]
    ) -> Annotated[ConnectionRequest | Problem, strawberry.union("DraftConnectionRequestResult")]:
        """Begin an organization's connection request; nobody outside sees it before it is filed."""
        planned(input_)

    @does(SUBSCRIPTIONS, "change_connection_request")
    def change_connection_request(
        self, input_: Annotated[ChangeConnectionRequestInput, strawberry.argument(name="input")]
    ) -> Annotated[ConnectionRequest | Problem, strawberry.union("ChangeConnectionRequestResult")]:
        """Fill in the form anew, before it is filed or after it was returned."""
        planned(input_)

    @does(SUBSCRIPTIONS, "file_connection_request")
    def file_connection_request(
        self, input_: Annotated[FileConnectionRequestInput, strawberry.argument(name="input")]
    ) -> Annotated[ConnectionRequest | Problem, strawberry.union("FileConnectionRequestResult")]:
        """Ask to be connected to a product; its documents are asked for at once."""
        planned(input_)

    @does(SUBSCRIPTIONS, "submit_connection_request")
    def submit_connection_request(
        self, input_: Annotated[SubmitConnectionRequestInput, strawberry.argument(name="input")]
    ) -> Annotated[ConnectionRequest | Problem, strawberry.union("SubmitConnectionRequestResult")]:
        """Hand a drafted or a returned request in as it stands."""
        planned(input_)

    @does(SUBSCRIPTIONS, "withdraw_connection_request")
    def withdraw_connection_request(
        self, input_: Annotated[WithdrawConnectionRequestInput, strawberry.argument(name="input")]
    ) -> Annotated[ConnectionRequest | Problem, strawberry.union("WithdrawConnectionRequestResult")]:
        """Take a request back, at any time before it is finished."""
        planned(input_)

    @does(SUBSCRIPTIONS, "decide_approval_step")
    def decide_approval_step(
        self, input_: Annotated[DecideApprovalStepInput, strawberry.argument(name="input")]
    ) -> Annotated[ConnectionRequest | Problem, strawberry.union("DecideApprovalStepResult")]:
        """Approve, reject or return, as the party whose turn it is; nobody decides on what they filed."""
        planned(input_)

    @does(SUBSCRIPTIONS, "substitute_approver")
    def substitute_approver(
        self, input_: Annotated[SubstituteApproverInput, strawberry.argument(name="input")]
    ) -> Annotated[ConnectionRequest | Problem, strawberry.union("SubstituteApproverResult")]:
        """Let somebody of the same party decide a step, too, until that is withdrawn."""
        planned(input_)

    @does(SUBSCRIPTIONS, "withdraw_substitute")
    def withdraw_substitute(
        self, input_: Annotated[WithdrawSubstituteInput, strawberry.argument(name="input")]
    ) -> Annotated[ConnectionRequest | Problem, strawberry.union("WithdrawSubstituteResult")]:
        """Let somebody decide a step no more."""
        planned(input_)


@type_
class ConnectionOfficeMutations:
    """What the operator does about connection requests."""

    @does(SUBSCRIPTIONS, "assign_representative")
    def assign_representative(
        self, input_: Annotated[AssignRepresentativeInput, strawberry.argument(name="input")]
    ) -> Annotated[ConnectionRequest | Problem, strawberry.union("AssignRepresentativeResult")]:
        """Let a business representative run a request, as an administrator of the operator."""
        planned(input_)

    @does(SUBSCRIPTIONS, "take_connection_request")
    def take_connection_request(
        self, input_: Annotated[TakeConnectionRequestInput, strawberry.argument(name="input")]
    ) -> Annotated[ConnectionRequest | Problem, strawberry.union("TakeConnectionRequestResult")]:
        """Run a request that nobody runs yet, as a business representative."""
        planned(input_)

    @does(SUBSCRIPTIONS, "request_document")
    def request_document(
        self, input_: Annotated[RequestDocumentInput, strawberry.argument(name="input")]
    ) -> Annotated[ConnectionRequest | Problem, strawberry.union("RequestDocumentResult")]:
        """Ask for one more document."""
        planned(input_)

    @does(SUBSCRIPTIONS, "return_connection_request")
    def return_connection_request(
        self, input_: Annotated[ReturnConnectionRequestInput, strawberry.argument(name="input")]
    ) -> Annotated[ConnectionRequest | Problem, strawberry.union("ReturnConnectionRequestResult")]:
        """Send a request back for correction."""
        planned(input_)

    @does(SUBSCRIPTIONS, "reject_connection_request")
    def reject_connection_request(
        self, input_: Annotated[RejectConnectionRequestInput, strawberry.argument(name="input")]
    ) -> Annotated[ConnectionRequest | Problem, strawberry.union("RejectConnectionRequestResult")]:
        """Turn a request down."""
        planned(input_)

    @does(SUBSCRIPTIONS, "complete_connection_request")
    def complete_connection_request(
        self, input_: Annotated[CompleteConnectionRequestInput, strawberry.argument(name="input")]
    ) -> Annotated[ConnectionRequest | Problem, strawberry.union("CompleteConnectionRequestResult")]:
        """Connect the organization, once every step is approved and every document confirmed."""
        planned(input_)
