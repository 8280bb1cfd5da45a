"""Requirements: what stands between the viewer and a successful call of a product."""

from enum import Enum

import strawberry

from graphql_gateway.engine.declare import Argument, Load, Parent, Parts, asks, derived, planned, reads
from graphql_gateway.schema.described import enum, type_
from graphql_gateway.schema.guidance import GuidanceStep
from graphql_gateway.schema.helping import HelpWith, help_with_requirement

_WAY = Parts(
    {
        "product_id": Parent("id"),
        "application_id": Argument("application_id"),
        "organization_id": Argument("organization_id"),
    }
)


@enum
class RequirementKind(Enum):
    """One step of the way to a call, in the order in which it is gone."""

    SIGN_IN = "SIGN_IN"
    APPLICATION = "APPLICATION"
    ONBOARDING = "ONBOARDING"
    AGREEMENT = "AGREEMENT"
    PERMISSION = "PERMISSION"
    SUBSCRIPTION = "SUBSCRIPTION"
    APPROVAL = "APPROVAL"
    SUSPENSION = "SUSPENSION"
    CALL = "CALL"


@enum
class RequirementState(Enum):
    """How far a step is: done, to be taken, taken and waiting for somebody, or taken and refused (it may be taken anew)."""

    DONE = "DONE"
    OPEN = "OPEN"
    WAITING = "WAITING"
    REFUSED = "REFUSED"


@enum
class Awaited(Enum):
    """Who takes the next step."""

    VIEWER_ORGANIZATION = "VIEWER_ORGANIZATION"
    PROVIDER = "PROVIDER"
    OPERATOR = "OPERATOR"
    NOBODY = "NOBODY"


@type_
class Requirement:
    """One step between the viewer and a successful call."""

    kind: RequirementKind
    state: RequirementState
    waits_for: Awaited = reads(says="NOBODY where it is done, or only time has to pass.")
    verb: str | None = reads(says="The mutation by which whoever is waited for takes the next step.")
    thing_id: strawberry.ID | None = reads(says="The application, request, permission or subscription that it is about.")
    step: GuidanceStep = reads(says="The step of the procedure to which guidance belongs.")
    reason: str | None = reads(says="What was refused or asked back, or why it waits.")
    help: HelpWith = derived(help_with_requirement, says="How to ask for help with this step.")


@type_
class WayToACall:
    """What a product tells of the way to a call of it."""

    @asks(Load("subscriptions", "requirements", _WAY, weight=3.0, size=8))
    def requires(
        self, application_id: strawberry.ID | None = None, organization_id: strawberry.ID | None = None
    ) -> list[Requirement] | None:
        """Tell what stands between the viewer, or an application or organization of theirs, and a successful call, in order."""
        planned(application_id, organization_id)

    @asks(Load("subscriptions", "next_requirements", _WAY, weight=3.0))
    def next_step(
        self, application_id: strawberry.ID | None = None, organization_id: strawberry.ID | None = None
    ) -> Requirement | None:
        """Tell the first of what `requires` tells that is not done."""
        planned(application_id, organization_id)
