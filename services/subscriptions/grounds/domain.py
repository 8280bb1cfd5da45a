"""What may be missing under a subscription, in the order in which one gets it."""

from enum import StrEnum

from chassis.errors import Conflict


class Ground(StrEnum):
    """What a product may ask for before an application calls it."""

    ONBOARDING = "ONBOARDING"
    AGREEMENT = "AGREEMENT"
    PERMISSION = "PERMISSION"


class OnboardingRequired(Conflict):
    """The organization has no data-exchange number: it has to be onboarded before the subscription."""


class AgreementRequired(Conflict):
    """An agreement with the product's provider has to stand before the subscription."""


class PermissionRequired(Conflict):
    """The product's provider has to permit the application to call before the subscription."""


class ConfirmationRequired(Conflict):
    """What this rests on was not confirmed in a recertification: have it confirmed, then do this again."""


REFUSALS: dict[Ground, type[Conflict]] = {
    Ground.ONBOARDING: OnboardingRequired,
    Ground.AGREEMENT: AgreementRequired,
    Ground.PERMISSION: PermissionRequired,
}
