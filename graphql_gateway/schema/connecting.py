"""What connecting to a product takes: which documents, and whose approval."""

from enum import Enum

import strawberry

from graphql_gateway.engine.declare import reads
from graphql_gateway.schema.described import enum, type_


@enum
class AgreementKind(Enum):
    """What an agreement is: contract and NDA are concluded once with a provider, the others for each product."""

    PARTNERSHIP_CONTRACT = "PARTNERSHIP_CONTRACT"
    NDA = "NDA"
    ADDITIONAL_AGREEMENT = "ADDITIONAL_AGREEMENT"
    TECHNICAL_ASSIGNMENT = "TECHNICAL_ASSIGNMENT"


@enum
class ApprovingParty(Enum):
    """Who decides a step: those who conclude agreements for the provider, the security officers, or the operator."""

    PROVIDER = "PROVIDER"
    SECURITY = "SECURITY"
    OPERATOR = "OPERATOR"


@type_
class PlannedApprovalStep:
    """A step as a product's chain has it."""

    party: ApprovingParty
    stage: int
    due_days: int
    title: str | None


@type_
class ApprovalChain:
    """Who decides about connections to a product that are filed from now on."""

    product_id: strawberry.ID
    steps: list[PlannedApprovalStep] = reads(size=4)
