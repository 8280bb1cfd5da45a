"""Agreements: the signed documents that a connection to a product rests on."""

from enum import Enum
from typing import Annotated, Any

import strawberry

from graphql_gateway.engine.declare import Load, Parent, does, later, loads, planned, reads
from graphql_gateway.schema.connecting import AgreementKind
from graphql_gateway.schema.described import enum, input_, type_
from graphql_gateway.schema.files import File
from graphql_gateway.schema.nodes import Connection, Node
from graphql_gateway.schema.problems import Problem
from graphql_gateway.schema.scalars import DateTime
from graphql_gateway.schema.services import IDENTITY, SUBSCRIPTIONS
from graphql_gateway.schema.signatures import SignatureFinding


@enum
class AgreementStatus(Enum):
    """Where an agreement stands. A confirmed one is in force from its beginning to its end."""

    REQUESTED = "REQUESTED"
    ATTACHED = "ATTACHED"
    COUNTERSIGNED = "COUNTERSIGNED"
    CONFIRMED = "CONFIRMED"
    RETURNED = "RETURNED"
    LAPSED = "LAPSED"


@enum
class AgreementParty(Enum):
    """Whose file it is."""

    RECIPIENT = "RECIPIENT"
    PROVIDER = "PROVIDER"


@type_
class AgreementFile:
    """A party's file, with what was found out about its signatures."""

    file_id: strawberry.ID
    file: File | None = loads(Load(IDENTITY, "files_by_id", Parent("file_id")))
    party: AgreementParty
    name: str
    size: int = reads(says="In bytes.")
    sha256: str = reads(says="In hexadecimal.")
    attached_at: DateTime
    attached_by: strawberry.ID
    not_attached: str | None = reads(says="Why it could not be attached after all; then another one is to be given.")
    finding: SignatureFinding | None = loads(
        Load(IDENTITY, "findings_by_file", Parent("file_id")),
        says="All that was found out about its signatures; null until they are examined.",
    )
    verdict: str | None = reads(
        says="What the finding comes to, such as SIGNED_AND_TIMESTAMPED; NOT_EXAMINED where that failed for good."
    )
    judged_at: DateTime | None


@type_
class AgreementChange:
    """One change of an agreement's status."""

    status: AgreementStatus
    actor: strawberry.ID
    at: DateTime
    reason: str | None = reads(says="Why it was returned, or confirmed in spite of its signatures.")


@type_
class Agreement(Node):
    """One document of a kind between a recipient and a provider: for the two of them and for the operator."""

    kind: AgreementKind
    status: AgreementStatus
    is_in_force: bool = reads(says="Whether it holds at this moment.")
    valid_from: DateTime | None
    valid_to: DateTime | None = reads(says="Null for one without an end.")
    organization_id: strawberry.ID = reads(says="The recipient.")
    provider_id: strawberry.ID
    product_id: strawberry.ID = reads(says="For which product it was asked.")
    product: Any = loads(Load("catalog", "products_by_id", Parent("product_id")), later("products", "Product"))
    request_id: strawberry.ID = reads(says="Which connection request asked for it first.")
    renews_id: strawberry.ID | None = reads(says="Which agreement it follows.")
    renews: Any = loads(Load(SUBSCRIPTIONS, "agreements_by_id", Parent("renews_id")), later("agreements", "Agreement"))
    created_at: DateTime
    files: list[AgreementFile] = reads(size=3)
    history: list[AgreementChange] = reads(size=5)


AgreementConnection = Connection[Agreement]


@type_
class RequiredDocuments:
    """Which documents a connection to a product takes."""

    product_id: strawberry.ID
    kinds: list[AgreementKind] = reads(size=4)


@input_
class SetRequiredDocumentsInput:
    """Which documents connections that are filed from now on take: at least one; an additional agreement with its assignment."""

    product_id: strawberry.ID
    kinds: list[AgreementKind]


@input_
class AttachAgreementInput:
    """Which uploaded file of one's own goes with which agreement."""

    agreement_id: strawberry.ID
    file_id: strawberry.ID


@input_
class CountersignAgreementInput:
    """Which uploaded file, signed by both, goes with which agreement."""

    agreement_id: strawberry.ID
    file_id: strawberry.ID


@input_
class ConfirmAgreementInput:
    """From when until when an agreement holds; `despiteFinding` says why in spite of its signatures."""

    agreement_id: strawberry.ID
    valid_from: DateTime
    valid_to: DateTime | None = strawberry.UNSET
    despite_finding: str | None = strawberry.UNSET


@input_
class ReturnAgreementInput:
    """Which agreement is to be attached anew, and why."""

    agreement_id: strawberry.ID
    reason: str


@input_
class RenewAgreementInput:
    """Which agreement is to have a successor."""

    agreement_id: strawberry.ID


@type_
class AgreementMutations:
    """What recipients, providers and the operator do about agreements."""

    @does(SUBSCRIPTIONS, "set_required_documents")
    def set_required_documents(
        self, input_: Annotated[SetRequiredDocumentsInput, strawberry.argument(name="input")]
    ) -> Annotated[RequiredDocuments | Problem, strawberry.union("SetRequiredDocumentsResult")]:
        """Say which documents a connection to a product takes, as its provider or as the operator."""
        planned(input_)

    @does(SUBSCRIPTIONS, "attach_agreement")
    def attach_agreement(
        self, input_: Annotated[AttachAgreementInput, strawberry.argument(name="input")]
    ) -> Annotated[Agreement | Problem, strawberry.union("AttachAgreementResult")]:
        """Attach the recipient's signed file; what was approved over other documents is decided again."""
        planned(input_)

    @does(SUBSCRIPTIONS, "countersign_agreement")
    def countersign_agreement(
        self, input_: Annotated[CountersignAgreementInput, strawberry.argument(name="input")]
    ) -> Annotated[Agreement | Problem, strawberry.union("CountersignAgreementResult")]:
        """Attach the file that the provider has signed, too."""
        planned(input_)

    @does(SUBSCRIPTIONS, "confirm_agreement")
    def confirm_agreement(
        self, input_: Annotated[ConfirmAgreementInput, strawberry.argument(name="input")]
    ) -> Annotated[Agreement | Problem, strawberry.union("ConfirmAgreementResult")]:
        """Put an agreement in force, as the operator, once the signatures of both files are examined."""
        planned(input_)

    @does(SUBSCRIPTIONS, "return_agreement")
    def return_agreement(
        self, input_: Annotated[ReturnAgreementInput, strawberry.argument(name="input")]
    ) -> Annotated[Agreement | Problem, strawberry.union("ReturnAgreementResult")]:
        """Ask the recipient for another file, as the operator."""
        planned(input_)

    @does(SUBSCRIPTIONS, "renew_agreement")
    def renew_agreement(
        self, input_: Annotated[RenewAgreementInput, strawberry.argument(name="input")]
    ) -> Annotated[Agreement | Problem, strawberry.union("RenewAgreementResult")]:
        """Begin the agreement that shall follow another, as the recipient; what is in force stays so until its end."""
        planned(input_)
