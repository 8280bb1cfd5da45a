"""Support: requests for help at every step, each with its thread."""

from enum import Enum
from typing import Annotated, Any

import strawberry

from graphql_gateway.engine.declare import Argument, Load, Parent, asks, does, later, loads, planned, reads
from graphql_gateway.schema.described import enum, input_, type_
from graphql_gateway.schema.guidance import GuidanceStep
from graphql_gateway.schema.helping import SupportCategory
from graphql_gateway.schema.nodes import DEFAULT_FIRST, Connection, Id, Node
from graphql_gateway.schema.problems import Problem
from graphql_gateway.schema.products import Product
from graphql_gateway.schema.scalars import DateTime
from graphql_gateway.schema.services import CATALOG, IDENTITY, NOTIFICATIONS


@enum
class SupportStatus(Enum):
    """Where a support request stands: nobody has taken it, somebody is waited for, it is solved, or closed for good."""

    OPEN = "OPEN"
    WAITING_FOR_OPERATOR = "WAITING_FOR_OPERATOR"
    WAITING_FOR_USER = "WAITING_FOR_USER"
    SOLVED = "SOLVED"
    CLOSED = "CLOSED"


@enum
class SupportSide(Enum):
    """For whom somebody writes, or who is waited for: those who ask, the operator, or a provider who is drawn in."""

    USER = "USER"
    OPERATOR = "OPERATOR"
    PROVIDER = "PROVIDER"


@enum
class SupportPriority(Enum):
    """How urgent it is, as the staff sees it."""

    LOW = "LOW"
    NORMAL = "NORMAL"
    HIGH = "HIGH"
    URGENT = "URGENT"


@enum
class SupportChannel(Enum):
    """How somebody wrote."""

    PORTAL = "PORTAL"
    MAIL = "MAIL"


@enum
class SupportTopicKind(Enum):
    """What a support request can be about."""

    STEP = "STEP"
    PRODUCT = "PRODUCT"
    APPLICATION = "APPLICATION"
    SUBSCRIPTION = "SUBSCRIPTION"
    PERMISSION = "PERMISSION"
    CONNECTION_REQUEST = "CONNECTION_REQUEST"
    AGREEMENT = "AGREEMENT"
    ONBOARDING_REQUEST = "ONBOARDING_REQUEST"
    CERTIFICATE = "CERTIFICATE"
    ORGANIZATION = "ORGANIZATION"


@type_
class SupportTopic:
    """What a support request is about."""

    kind: SupportTopicKind
    thing_id: strawberry.ID | None = reads(says="Null for a step.")
    step: GuidanceStep | None
    product: Product | None = loads(
        Load(CATALOG, "products_by_id", Parent("product_id")), says="Where it is about a product that the viewer sees."
    )


@type_
class SupportAttachment:
    """A file that hangs on a message. Its bytes are fetched from `GET /files/{id}`."""

    id: strawberry.ID
    name: str
    content_type: str = reads(says="What its bytes tell, whatever it was called.")
    size: int = reads(says="In bytes.")
    sha256: str = reads(says="In hexadecimal.")
    uploaded_at: DateTime


@type_
class SupportMessage:
    """What somebody wrote. It is plain text: show none of it as HTML."""

    id: strawberry.ID
    side: SupportSide
    author_id: strawberry.ID | None
    author_name: str | None = reads(says="Null for the platform itself, and for somebody whose account is erased.")
    at: DateTime
    text: str
    is_note: bool = reads(says="Notes are for the operator's staff alone: nobody else is given any.")
    channel: SupportChannel
    attachments: list[SupportAttachment] = reads(size=2)


SupportMessageConnection = Connection[SupportMessage]


@type_
class SupportRequest(Node):
    """A request for help.

    The members of its organization see it, unless it is private: then it is its opener's. The operator's support and
    administrators see all, and a provider who is drawn in sees it as well.
    """

    subject: str
    category: SupportCategory
    status: SupportStatus
    priority: SupportPriority
    waits_for: SupportSide | None = reads(says="On whose desk it lies; null once it is solved or closed.")
    held_since: DateTime = reads(says="Since when it lies there.")
    held_seconds: int | None
    opened_at: DateTime
    age_seconds: int
    opened_by: strawberry.ID | None = reads(says="Null for a mail from an address that is nobody's.")
    opened_by_name: str | None
    organization_id: strawberry.ID | None = reads(says="Null where somebody asks for themselves.")
    organization: Any = loads(
        Load(IDENTITY, "organizations_by_id", Parent("organization_id")), later("organizations", "Organization")
    )
    is_private: bool
    topic: SupportTopic | None
    holder_id: strawberry.ID | None = reads(says="Who of the staff holds it.")
    holder_name: str | None
    provider_id: strawberry.ID | None = reads(says="The provider who is drawn in.")
    solved_at: DateTime | None
    closed_at: DateTime | None
    follows_id: strawberry.ID | None = reads(says="The request that it goes on from.")
    mail_from: str | None = reads(says="For the staff: from which address it came, where that is nobody's.")
    viewer_side: SupportSide = reads(says="For whom the viewer writes in it.")

    @asks(Load(NOTIFICATIONS, "support_messages_by_request", Parent("id"), weight=2.0))
    def messages(self, first: int = DEFAULT_FIRST, after: str | None = None) -> SupportMessageConnection | None:
        """Read the thread, the oldest message first."""
        planned(first, after)


SupportRequestConnection = Connection[SupportRequest]


@type_
class SupportQueries:
    """What may be asked of support at the root."""

    @asks(Load(NOTIFICATIONS, "support_requests_by_id", Argument("id")))
    def support_request(self, id_: Id) -> SupportRequest | None:
        """Read one support request."""
        planned(id_)


@input_
class OpenSupportRequestInput:
    """What is asked, about what.

    `about` is the id of something that is the asker's or public, or a step such as `A5`. With `organizationId` the organization's
    members see the request, unless it is `private`. `attachmentIds` are files sent before with `Portico-File-For: support`.
    """

    subject: str
    text: str
    category: SupportCategory = SupportCategory.QUESTION
    organization_id: strawberry.ID | None = strawberry.UNSET
    about: strawberry.ID | None = strawberry.UNSET
    private: bool = False
    attachment_ids: list[strawberry.ID] = strawberry.field(default_factory=list)


@input_
class ReplySupportRequestInput:
    """What somebody writes in which request."""

    request_id: strawberry.ID
    text: str
    attachment_ids: list[strawberry.ID] = strawberry.field(default_factory=list)


@input_
class NoteSupportRequestInput:
    """What the staff alone is to see in which request."""

    request_id: strawberry.ID
    text: str
    attachment_ids: list[strawberry.ID] = strawberry.field(default_factory=list)


@input_
class TakeSupportRequestInput:
    """Which request one takes."""

    request_id: strawberry.ID


@input_
class HandOverSupportRequestInput:
    """Who of the staff is to hold which request."""

    request_id: strawberry.ID
    user_id: strawberry.ID


@input_
class PrioritizeSupportRequestInput:
    """How urgent which request is."""

    request_id: strawberry.ID
    priority: SupportPriority


@input_
class InvolveProviderInput:
    """Into which request the provider of what it is about is drawn."""

    request_id: strawberry.ID


@input_
class SolveSupportRequestInput:
    """Which request is solved."""

    request_id: strawberry.ID


@input_
class CloseSupportRequestInput:
    """Which request is closed for good."""

    request_id: strawberry.ID


@type_
class SupportMutations:
    """How help is asked for and given."""

    @does(NOTIFICATIONS, "open_support_request")
    def open_support_request(
        self, input_: Annotated[OpenSupportRequestInput, strawberry.argument(name="input")]
    ) -> Annotated[SupportRequest | Problem, strawberry.union("OpenSupportRequestResult")]:
        """Ask for help, within an organization or for oneself."""
        planned(input_)

    @does(NOTIFICATIONS, "reply_support_request")
    def reply_support_request(
        self, input_: Annotated[ReplySupportRequestInput, strawberry.argument(name="input")]
    ) -> Annotated[SupportRequest | Problem, strawberry.union("ReplySupportRequestResult")]:
        """Write in a request, for whichever side one belongs to; what was solved within 14 days is open again."""
        planned(input_)

    @does(NOTIFICATIONS, "solve_support_request")
    def solve_support_request(
        self, input_: Annotated[SolveSupportRequestInput, strawberry.argument(name="input")]
    ) -> Annotated[SupportRequest | Problem, strawberry.union("SolveSupportRequestResult")]:
        """Say that a request is solved, as one of those who ask or of the staff; it is closed after 14 days."""
        planned(input_)

    @does(NOTIFICATIONS, "close_support_request")
    def close_support_request(
        self, input_: Annotated[CloseSupportRequestInput, strawberry.argument(name="input")]
    ) -> Annotated[SupportRequest | Problem, strawberry.union("CloseSupportRequestResult")]:
        """Close a request for good, as one of those who ask or of the staff."""
        planned(input_)


@type_
class SupportOfficeMutations:
    """What the operator's support does."""

    @does(NOTIFICATIONS, "take_support_request")
    def take_support_request(
        self, input_: Annotated[TakeSupportRequestInput, strawberry.argument(name="input")]
    ) -> Annotated[SupportRequest | Problem, strawberry.union("TakeSupportRequestResult")]:
        """Hold a request, also one that a colleague has held."""
        planned(input_)

    @does(NOTIFICATIONS, "hand_over_support_request")
    def hand_over_support_request(
        self, input_: Annotated[HandOverSupportRequestInput, strawberry.argument(name="input")]
    ) -> Annotated[SupportRequest | Problem, strawberry.union("HandOverSupportRequestResult")]:
        """Let a colleague hold a request."""
        planned(input_)

    @does(NOTIFICATIONS, "note_support_request")
    def note_support_request(
        self, input_: Annotated[NoteSupportRequestInput, strawberry.argument(name="input")]
    ) -> Annotated[SupportRequest | Problem, strawberry.union("NoteSupportRequestResult")]:
        """Write down what the staff alone is to see."""
        planned(input_)

    @does(NOTIFICATIONS, "prioritize_support_request")
    def prioritize_support_request(
        self, input_: Annotated[PrioritizeSupportRequestInput, strawberry.argument(name="input")]
    ) -> Annotated[SupportRequest | Problem, strawberry.union("PrioritizeSupportRequestResult")]:
        """Say how urgent a request is."""
        planned(input_)

    @does(NOTIFICATIONS, "involve_provider")
    def involve_provider(
        self, input_: Annotated[InvolveProviderInput, strawberry.argument(name="input")]
    ) -> Annotated[SupportRequest | Problem, strawberry.union("InvolveProviderResult")]:
        """Draw in the provider of what a request is about: it sees the thread without the notes, and answers in it."""
        planned(input_)
