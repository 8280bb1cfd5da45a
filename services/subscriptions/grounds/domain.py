"""What may be missing under a subscription, in the order in which one gets it."""

from enum import StrEnum

from chassis.errors import Conflict


class Ground(StrEnum):
    """What a product may ask for before an application calls it."""

    AGREEMENT = "AGREEMENT"


class AgreementRequired(Conflict):
    """An agreement with the product's provider has to stand before the subscription."""


REFUSALS: dict[Ground, type[Conflict]] = {Ground.AGREEMENT: AgreementRequired}
