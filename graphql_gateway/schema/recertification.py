"""Recertification: campaigns in which those who hold access confirm that they need it, or give it up."""

from enum import Enum
from typing import Annotated, Any

import strawberry

from graphql_gateway.engine.declare import Argument, Load, Parent, asks, does, later, loads, planned, reads
from graphql_gateway.schema.described import enum, input_, type_
from graphql_gateway.schema.languages import Language
from graphql_gateway.schema.members import Person
from graphql_gateway.schema.nodes import DEFAULT_FIRST, Connection, Id, Node
from graphql_gateway.schema.problems import Problem
from graphql_gateway.schema.products import Product
from graphql_gateway.schema.scalars import DateTime
from graphql_gateway.schema.services import CATALOG, IDENTITY, RECERTIFICATION


@enum
class CampaignSide(Enum):
    """Who starts a campaign: the operator, a provider over its products, an organization over its members and certificates."""

    OPERATOR = "OPERATOR"
    PROVIDER = "PROVIDER"
    ORGANIZATION = "ORGANIZATION"


@enum
class CampaignThing(Enum):
    """What a campaign may be about."""

    PERMISSION = "PERMISSION"
    AGREEMENT = "AGREEMENT"
    SUBSCRIPTION = "SUBSCRIPTION"
    MEMBER = "MEMBER"
    CERTIFICATE = "CERTIFICATE"


@enum
class CampaignWhich(Enum):
    """Which things of its kinds: all, those not used for so many days, or those that lapse within so many days."""

    ALL = "ALL"
    UNUSED = "UNUSED"
    LAPSING = "LAPSING"


@enum
class CampaignStatus(Enum):
    """Where a campaign stands."""

    RUNNING = "RUNNING"
    FINISHED = "FINISHED"
    CANCELLED = "CANCELLED"


@enum
class CampaignItemStatus(Enum):
    """What came of a thing, so far. GIVEN_UP: it ends at the due date. NOT_CONFIRMED: it is suspended. ENDED: by itself."""

    OPEN = "OPEN"
    CONFIRMED = "CONFIRMED"
    GIVEN_UP = "GIVEN_UP"
    NOT_CONFIRMED = "NOT_CONFIRMED"
    ENDED = "ENDED"
    WITHDRAWN = "WITHDRAWN"


@enum
class CampaignReportStatus(Enum):
    """Whether a report is there."""

    WAITING = "WAITING"
    MADE = "MADE"


@type_
class CampaignCounts:
    """How many things of a campaign stand how: of all organizations for its starter, else of one's own."""

    total: int
    organizations: int = reads(says="Of how many organizations; one's own count as one.")
    open: int
    confirmed: int
    given_up: int
    not_confirmed: int
    ended: int
    withdrawn: int


@type_
class CampaignReport:
    """The signed report (PDF, PAdES) of a campaign that is over: fetch `/reports/{id}` with the same session."""

    id: strawberry.ID
    language: Language
    status: CampaignReportStatus
    why: str | None = reads(says="Why it could not be made yet, such as NO_SIGNING_KEY; it is tried again.")
    sha256: str | None
    size: int | None
    made_at: DateTime | None


@type_
class CampaignItem(Node):
    """A thing that somebody is asked to confirm, as it was when the campaign began, and what came of it."""

    campaign_id: strawberry.ID
    kind: CampaignThing
    subject_id: strawberry.ID = reads(says="The thing's own id; a member's is the user's.")
    organization_id: strawberry.ID = reads(says="Who holds it.")
    organization_name: str | None
    provider_id: strawberry.ID | None
    provider_name: str | None
    product_id: strawberry.ID | None
    product_title: str | None
    application_id: strawberry.ID | None
    application_name: str | None
    detail: str | None = reads(says="A kind of agreement, a member's role, a certificate's thumbprint.")
    since: DateTime | None = reads(says="Since when it is held; null where that was not heard of.")
    last_used_on: str | None = reads(says="The day (UTC) of its last use; null where none is known.")
    lapses_at: DateTime | None
    status: CampaignItemStatus
    is_settled: bool = reads(says="Whether the due date has made of it what it makes.")
    decided_by: strawberry.ID | None
    decided_at: DateTime | None
    reason: str | None
    is_late: bool = reads(says="Whether it was confirmed after the due date.")
    not_confirmed_at: DateTime | None = reads(says="Since when it was suspended for want of a confirmation.")
    user_id: strawberry.ID | None = reads(says="The member; null where it is about something else.")
    user: Person | None = loads(Load(IDENTITY, "users_by_id", Parent("user_id")))
    decider: Person | None = loads(
        Load(IDENTITY, "users_by_id", Parent("decided_by")), says="For those who share an organization with them."
    )
    campaign: Any = loads(Load(RECERTIFICATION, "campaigns_by_id", Parent("campaign_id")), later("recertification", "Campaign"))
    product: Product | None = loads(Load(CATALOG, "products_by_id", Parent("product_id")))
    organization: Any = loads(
        Load(IDENTITY, "organizations_by_id", Parent("organization_id")), later("organizations", "Organization")
    )


CampaignItemConnection = Connection[CampaignItem]


@type_
class Campaign(Node):
    """A request to confirm what one holds, until a moment."""

    side: CampaignSide
    starter_id: strawberry.ID | None = reads(says="The organization that started it; null for the operator.")
    starter_name: str | None
    title: str
    reason: str
    kinds: list[CampaignThing] = reads(size=5)
    which: CampaignWhich
    days: int | None
    organization_ids: list[strawberry.ID] | None = reads(says="To which organizations it was narrowed, for its starter.")
    product_ids: list[strawberry.ID] | None = reads(says="To which products it was narrowed, for its starter.")
    started_by: strawberry.ID | None
    started_at: DateTime
    due_at: DateTime
    confirmable_until: DateTime = reads(says="Until when a late confirmation lifts what the campaign has suspended.")
    reminder_days: list[int] = reads(size=3)
    uses_known_since: DateTime | None = reads(says="Since when calls were known when it began; null: not at all.")
    status: CampaignStatus
    is_complete: bool = reads(says="Whether all that it is about is listed; a large one takes a moment.")
    ended_at: DateTime | None
    ended_by: strawberry.ID | None
    end_reason: str | None
    counts: CampaignCounts | None = loads(Load(RECERTIFICATION, "counts_by_campaign", Parent("id"), weight=2.0))
    reports: list[CampaignReport] | None = loads(
        Load(RECERTIFICATION, "reports_by_campaign", Parent("id"), size=3),
        says="For its starter, once it is over: one in each language.",
    )

    @asks(Load(RECERTIFICATION, "items_by_campaign", Parent("id")))
    def items(
        self,
        status: CampaignItemStatus | None = None,
        kind: CampaignThing | None = None,
        *,
        organization_id: strawberry.ID | None = None,
        first: int = DEFAULT_FIRST,
        after: str | None = None,
    ) -> CampaignItemConnection | None:
        """List what it is about: everything for its starter, else what one's own organizations hold."""
        planned(status, kind, organization_id, first, after)


CampaignConnection = Connection[Campaign]


@type_
class CampaignKindCount:
    """How many things of a kind."""

    kind: CampaignThing
    items: int


@type_
class CampaignOrganizationCount:
    """How many things of an organization."""

    organization_id: strawberry.ID
    name: str | None
    items: int


@type_
class CampaignPreview:
    """What a campaign would be about, if it was started now."""

    items: int
    kinds: list[CampaignKindCount] = reads(size=5)
    organizations: int
    largest: list[CampaignOrganizationCount] = reads(size=20, says="The 100 organizations with most things, those first.")
    uses_known_since: DateTime | None = reads(says="Since when calls are known; null: not at all.")


@type_
class DecidedItems:
    """Things that were just decided about."""

    items: list[CampaignItem] = reads(size=20)


@type_
class RecertificationQueries:
    """What may be asked of campaigns at the root."""

    @asks(Load(RECERTIFICATION, "campaigns_by_id", Argument("id")))
    def campaign(self, id_: Id) -> Campaign | None:
        """Read one campaign."""
        planned(id_)


@input_
class PreviewCampaignInput:
    """About what a campaign would be; `organizationId` is who starts it, where that is not the operator."""

    side: CampaignSide
    organization_id: strawberry.ID | None = strawberry.UNSET
    kinds: list[CampaignThing]
    which: CampaignWhich = CampaignWhich.ALL
    days: int | None = strawberry.UNSET
    organization_ids: list[strawberry.ID] | None = strawberry.UNSET
    product_ids: list[strawberry.ID] | None = strawberry.UNSET


@input_
class StartCampaignInput:
    """About what a campaign is, until when, and what those who are asked are told; `dueAt` is at least a day ahead."""

    side: CampaignSide
    organization_id: strawberry.ID | None = strawberry.UNSET
    kinds: list[CampaignThing]
    which: CampaignWhich = CampaignWhich.ALL
    days: int | None = strawberry.UNSET
    organization_ids: list[strawberry.ID] | None = strawberry.UNSET
    product_ids: list[strawberry.ID] | None = strawberry.UNSET
    title: str
    reason: str
    due_at: DateTime
    reminder_days: list[int] = strawberry.field(default_factory=lambda: [3, 1])


@input_
class CancelCampaignInput:
    """Which campaign is called off, and why."""

    campaign_id: strawberry.ID
    reason: str | None = strawberry.UNSET


@input_
class ChangeCampaignDueDateInput:
    """When a campaign ends instead: at least a day from now."""

    campaign_id: strawberry.ID
    due_at: DateTime


@input_
class ConfirmItemsInput:
    """Which things are needed, at most 100, and why."""

    item_ids: list[strawberry.ID]
    reason: str | None = strawberry.UNSET


@input_
class GiveUpItemsInput:
    """Which things are needed no more, at most 100, and why."""

    item_ids: list[strawberry.ID]
    reason: str | None = strawberry.UNSET


@type_
class RecertificationMutations:
    """What is done about campaigns, by those who start them and those who are asked."""

    @does(RECERTIFICATION, "preview_campaign")
    def preview_campaign(
        self, input_: Annotated[PreviewCampaignInput, strawberry.argument(name="input")]
    ) -> Annotated[CampaignPreview | Problem, strawberry.union("PreviewCampaignResult")]:
        """Say what a campaign would be about; nothing is changed."""
        planned(input_)

    @does(RECERTIFICATION, "start_campaign")
    def start_campaign(
        self, input_: Annotated[StartCampaignInput, strawberry.argument(name="input")]
    ) -> Annotated[Campaign | Problem, strawberry.union("StartCampaignResult")]:
        """Ask who holds things now to confirm them until a moment; what is not confirmed then is suspended."""
        planned(input_)

    @does(RECERTIFICATION, "cancel_campaign")
    def cancel_campaign(
        self, input_: Annotated[CancelCampaignInput, strawberry.argument(name="input")]
    ) -> Annotated[Campaign | Problem, strawberry.union("CancelCampaignResult")]:
        """Call a campaign off, as its starter, before it is due: nothing is suspended or ended."""
        planned(input_)

    @does(RECERTIFICATION, "change_campaign_due_date")
    def change_campaign_due_date(
        self, input_: Annotated[ChangeCampaignDueDateInput, strawberry.argument(name="input")]
    ) -> Annotated[Campaign | Problem, strawberry.union("ChangeCampaignDueDateResult")]:
        """Let a campaign end at another moment, as its starter, before it is due."""
        planned(input_)

    @does(RECERTIFICATION, "confirm_items")
    def confirm_items(
        self, input_: Annotated[ConfirmItemsInput, strawberry.argument(name="input")]
    ) -> Annotated[DecidedItems | Problem, strawberry.union("ConfirmItemsResult")]:
        """Keep things, as who holds them; for 30 days after the due date the campaign's starter may, too. All or none."""
        planned(input_)

    @does(RECERTIFICATION, "give_up_items")
    def give_up_items(
        self, input_: Annotated[GiveUpItemsInput, strawberry.argument(name="input")]
    ) -> Annotated[DecidedItems | Problem, strawberry.union("GiveUpItemsResult")]:
        """Let things go, as who holds them: they end at the due date, and may be confirmed until then. All or none."""
        planned(input_)
