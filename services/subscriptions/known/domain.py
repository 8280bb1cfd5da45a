"""What is known here of the things of others."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Application:
    """What is known here of an application that subscribes."""

    id: str
    organization_id: str


@dataclass(frozen=True, slots=True)
class Applicant:
    """Who asks, in words for the one who decides; None is what has not been heard of yet."""

    application_name: str | None
    client_id: str | None
    organization_name: str | None


@dataclass(frozen=True, slots=True)
class Product:
    """What is known here of a published product."""

    id: str
    provider_id: str
    is_confidential: bool


@dataclass(frozen=True, slots=True)
class Plan:
    """What is known here of a plan."""

    id: str
    product_id: str
    approves_automatically: bool
    is_withdrawn: bool
    valid_from: datetime | None = None
    valid_to: datetime | None = None

    def is_valid_at(self, moment: datetime) -> bool:
        """Say whether the moment lies in the time in which its provider offers it."""
        return (self.valid_from is None or self.valid_from <= moment) and (self.valid_to is None or moment < self.valid_to)
