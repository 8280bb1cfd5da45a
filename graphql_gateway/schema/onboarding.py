"""Onboarding: how an organization becomes a recipient of data, filed by it or recorded by the operator."""

from enum import Enum
from typing import Annotated, Any

import strawberry

from graphql_gateway.engine.declare import Load, Parent, asks, does, later, loads, planned, reads
from graphql_gateway.schema.certificates import CertificateConnection
from graphql_gateway.schema.described import enum, input_, type_
from graphql_gateway.schema.files import Examination, File
from graphql_gateway.schema.members import Role
from graphql_gateway.schema.nodes import DEFAULT_FIRST, Connection, Node
from graphql_gateway.schema.problems import Problem
from graphql_gateway.schema.products import Product
from graphql_gateway.schema.scalars import DateTime
from graphql_gateway.schema.services import CATALOG, IDENTITY
from graphql_gateway.schema.signatures import SignatureFinding


@enum
class OnboardingStatus(Enum):
    """Where an onboarding request stands."""

    DRAFT = "DRAFT"
    SUBMITTED = "SUBMITTED"
    IN_REVIEW = "IN_REVIEW"
    RETURNED = "RETURNED"
    APPROVED = "APPROVED"
    REJECTED = "REJECTED"
    WITHDRAWN = "WITHDRAWN"


@enum
class OnboardingChannel(Enum):
    """How a request came: through the portal, by e-mail or e-address, or on paper."""

    PORTAL = "PORTAL"
    MAIL = "MAIL"
    PAPER = "PAPER"


@enum
class OnboardingHolder(Enum):
    """On whose desk a request lies."""

    RECIPIENT = "RECIPIENT"
    OPERATOR = "OPERATOR"


@enum
class OnboardingActKind(Enum):
    """What somebody did about a request."""

    DRAFTED = "DRAFTED"
    RECORDED = "RECORDED"
    CHANGED = "CHANGED"
    DOCUMENT_ATTACHED = "DOCUMENT_ATTACHED"
    DOCUMENT_REMOVED = "DOCUMENT_REMOVED"
    SUBMITTED = "SUBMITTED"
    TAKEN = "TAKEN"
    RETURNED = "RETURNED"
    APPROVED = "APPROVED"
    REJECTED = "REJECTED"
    WITHDRAWN = "WITHDRAWN"


@enum
class OnboardingPart(Enum):
    """The part of a request that is to be corrected."""

    LEGAL_NAME = "LEGAL_NAME"
    REGISTRATION_NUMBER = "REGISTRATION_NUMBER"
    ADDRESS = "ADDRESS"
    COUNTRY = "COUNTRY"
    E_ADDRESS = "E_ADDRESS"
    EMAIL = "EMAIL"
    PHONE = "PHONE"
    CONTACT = "CONTACT"
    CONTACT_ROLE = "CONTACT_ROLE"
    PROVIDER_CONTACT = "PROVIDER_CONTACT"
    PURPOSE = "PURPOSE"
    LEGAL_BASIS = "LEGAL_BASIS"
    SERVICES = "SERVICES"
    CERTIFICATE = "CERTIFICATE"
    DOCUMENT = "DOCUMENT"
    OTHER = "OTHER"


@type_
class OnboardingContact:
    """A person to write to or to call."""

    name: str
    email: str
    phone: str | None
    position: str | None


@type_
class WantedService:
    """A product that the organization wants to use; null where the product cannot be seen."""

    product_id: strawberry.ID
    product: Product | None = loads(Load(CATALOG, "products_by_id", Parent("product_id")))


@type_
class OnboardingForm:
    """What the organization says of itself."""

    legal_name: str
    registration_number: str
    address: str
    country: str = reads(says="ISO 3166-1, two letters.")
    e_address: str | None
    email: str | None
    phone: str | None
    contact: OnboardingContact
    contact_role: Role = reads(says="What the contact person is invited as, once the request is approved.")
    provider_contact: OnboardingContact
    purpose: str
    legal_basis: str | None
    services: list[WantedService]
    services_text: str | None
    certificate_pem: str | None


@type_
class OnboardingDocument:
    """A document of a request, with what was found out about its signatures."""

    file: File
    attached_at: DateTime
    attached_by: str | None
    is_current: bool = reads(says="Whether it belongs to the present submission, not to one that was returned.")
    examination: Examination
    signature: SignatureFinding | None = reads(says="Null until it is examined.")


@type_
class OnboardingReason:
    """Why a request was returned."""

    part: OnboardingPart
    message: str


@type_
class OnboardingAct:
    """What somebody did."""

    kind: OnboardingActKind
    at: DateTime
    user_id: strawberry.ID
    user_name: str | None
    reason: str | None = reads(says="Why it was rejected or withdrawn, or approved in spite of a bad signature.")
    reasons: list[OnboardingReason] = reads(size=3)


@type_
class OnboardingStage:
    """A time during which a request stood in one state with one holder."""

    status: OnboardingStatus
    holder: OnboardingHolder | None
    holder_name: str | None = reads(says="The organization, or the operator's person who took it.")
    since: DateTime
    until: DateTime | None = reads(says="Null for the stage that lasts.")
    seconds: int = reads(says="How long it lasted, or has lasted until now.")
    acts: list[OnboardingAct] = reads(size=3)


@type_
class OnboardingNamesake:
    """Another request that gives the same registration number."""

    request_id: strawberry.ID
    organization_id: strawberry.ID | None
    legal_name: str
    status: OnboardingStatus
    number: str | None = reads(says="Its data-exchange number, where it has one.")


@type_
class OnboardingRequest(Node):
    """An organization's request to be onboarded. Its members see where it stands, those who may file see the whole of it."""

    organization_id: strawberry.ID | None = reads(says="Null until approved for a request that the operator recorded.")
    organization: Any = loads(
        Load(IDENTITY, "organizations_by_id", Parent("organization_id")), later("organizations", "Organization")
    )
    legal_name: str
    channel: OnboardingChannel
    status: OnboardingStatus
    holder: OnboardingHolder | None = reads(says="Null once it is finished.")
    holder_name: str | None
    held_since: DateTime
    held_seconds: int | None = reads(says="How long it has been with its holder.")
    created_at: DateTime
    received_at: DateTime | None = reads(says="When it came by mail or on paper.")
    submitted_at: DateTime | None
    number: str | None = reads(says="The data-exchange number, once approved.")
    form: OnboardingForm | None
    documents: list[OnboardingDocument] | None = reads(size=3)
    timeline: list[OnboardingStage] = reads(size=5)
    same_number: list[OnboardingNamesake] | None = reads(
        size=2, says="For the operator: requests of others that give the same registration number."
    )


OnboardingRequestConnection = Connection[OnboardingRequest]


@type_
class DataExchange(Node):
    """What onboarding gives an organization."""

    organization_id: strawberry.ID
    number: str = reads(says="The data-exchange identification number: no other organization ever had it or gets it.")
    assigned_at: DateTime

    @asks(Load(IDENTITY, "certificates_by_organization", Parent("organization_id")))
    def certificates(self, first: int = DEFAULT_FIRST, after: str | None = None) -> CertificateConnection | None:
        """List the client certificates registered for the organization and for its applications, the newest first."""
        planned(first, after)


@input_
class OnboardingContactInput:
    """A person to write to or to call."""

    name: str
    email: str
    phone: str | None = strawberry.UNSET
    position: str | None = strawberry.UNSET


@input_
class ProviderContactInput:
    """The person with the data provider who is told when the organization is onboarded."""

    name: str
    email: str


@input_
class OnboardingFormInput:
    """The form, whole. It names at least one product or describes the services, and gives an e-mail address or an e-address."""

    legal_name: str
    registration_number: str
    address: str
    country: str
    e_address: str | None = strawberry.UNSET
    email: str | None = strawberry.UNSET
    phone: str | None = strawberry.UNSET
    contact: OnboardingContactInput
    contact_role: Role = Role.DEVELOPER
    provider_contact: ProviderContactInput
    purpose: str
    legal_basis: str | None = strawberry.UNSET
    product_ids: list[strawberry.ID] = strawberry.field(default_factory=list)
    services_text: str | None = strawberry.UNSET
    certificate_pem: str | None = strawberry.UNSET


@input_
class DraftOnboardingRequestInput:
    """A new request of an organization."""

    organization_id: strawberry.ID
    form: OnboardingFormInput


@input_
class ChangeOnboardingRequestInput:
    """The whole form as it is to be."""

    request_id: strawberry.ID
    form: OnboardingFormInput


@input_
class AttachSignedDocumentInput:
    """Which uploaded file goes with which request."""

    request_id: strawberry.ID
    file_id: strawberry.ID


@input_
class RemoveSignedDocumentInput:
    """Which document comes off which request, by its file."""

    request_id: strawberry.ID
    file_id: strawberry.ID


@input_
class SubmitOnboardingRequestInput:
    """Which request is handed in, or in again."""

    request_id: strawberry.ID


@input_
class WithdrawOnboardingRequestInput:
    """Which request is taken back, and perhaps why."""

    request_id: strawberry.ID
    reason: str | None = strawberry.UNSET


@type_
class OnboardingMutations:
    """What an organization does to be onboarded."""

    @does(IDENTITY, "draft_onboarding_request")
    def draft_onboarding_request(
        self, input_: Annotated[DraftOnboardingRequestInput, strawberry.argument(name="input")]
    ) -> Annotated[OnboardingRequest | Problem, strawberry.union("DraftOnboardingRequestResult")]:
        """Begin an organization's onboarding request; nobody outside sees it before it is submitted."""
        planned(input_)

    @does(IDENTITY, "change_onboarding_request")
    def change_onboarding_request(
        self, input_: Annotated[ChangeOnboardingRequestInput, strawberry.argument(name="input")]
    ) -> Annotated[OnboardingRequest | Problem, strawberry.union("ChangeOnboardingRequestResult")]:
        """Fill in the form anew, before it is submitted or after it was returned."""
        planned(input_)

    @does(IDENTITY, "attach_signed_document")
    def attach_signed_document(
        self, input_: Annotated[AttachSignedDocumentInput, strawberry.argument(name="input")]
    ) -> Annotated[OnboardingRequest | Problem, strawberry.union("AttachSignedDocumentResult")]:
        """Attach an uploaded file (PDF or ASiC-E); its signatures are examined at once."""
        planned(input_)

    @does(IDENTITY, "remove_signed_document")
    def remove_signed_document(
        self, input_: Annotated[RemoveSignedDocumentInput, strawberry.argument(name="input")]
    ) -> Annotated[OnboardingRequest | Problem, strawberry.union("RemoveSignedDocumentResult")]:
        """Take a wrongly attached document off a request before it is submitted; its file is removed."""
        planned(input_)

    @does(IDENTITY, "submit_onboarding_request")
    def submit_onboarding_request(
        self, input_: Annotated[SubmitOnboardingRequestInput, strawberry.argument(name="input")]
    ) -> Annotated[OnboardingRequest | Problem, strawberry.union("SubmitOnboardingRequestResult")]:
        """Hand a request in with its signed document; after a return, in again with a newly signed one."""
        planned(input_)

    @does(IDENTITY, "withdraw_onboarding_request")
    def withdraw_onboarding_request(
        self, input_: Annotated[WithdrawOnboardingRequestInput, strawberry.argument(name="input")]
    ) -> Annotated[OnboardingRequest | Problem, strawberry.union("WithdrawOnboardingRequestResult")]:
        """Take a request back, at any time before it is decided."""
        planned(input_)
