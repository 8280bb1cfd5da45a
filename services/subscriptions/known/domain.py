"""What is known here of the things of others."""

from collections.abc import Iterable
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
class Standing:
    """What else tells who an organization is; None is what has not been heard of."""

    name: str | None = None
    is_test: bool | None = None
    data_exchange_number: str | None = None


@dataclass(frozen=True, slots=True)
class Product:
    """What is known here of a published product; ``prerequisites`` are the names of the grounds that it asks for."""

    id: str
    provider_id: str
    is_confidential: bool
    prerequisites: frozenset[str] = frozenset()
    is_open_test: bool = False
    is_callable: bool = True


def prerequisites_of(sensitivity: str, told: Iterable[str] | None) -> frozenset[str]:
    """Return what a product asks for: what its provider says; if confidential, an agreement in any case; if open, nothing."""
    if sensitivity == "OPEN_TEST":
        return frozenset()
    return frozenset(told or ()) | ({"AGREEMENT"} if sensitivity == "CONFIDENTIAL" else set())


@dataclass(frozen=True, slots=True)
class Plan:
    """What is known here of a plan."""

    id: str
    product_id: str
    approves_automatically: bool
    is_withdrawn: bool
    valid_from: datetime | None = None
    valid_to: datetime | None = None
    terms: "Terms | None" = None
    """Under what rate and quota it is called; None where that was not heard of."""

    def is_valid_at(self, moment: datetime) -> bool:
        """Say whether the moment lies in the time in which its provider offers it."""
        return (self.valid_from is None or self.valid_from <= moment) and (self.valid_to is None or moment < self.valid_to)


@dataclass(frozen=True, slots=True)
class Terms:
    """What a plan is called, and its rate, burst and quota."""

    name: str
    rate_requests: int
    rate_seconds: int
    burst: int
    quota_calls: int | None
    quota_period: str | None
    quota_time_zone: str = "UTC"
    """By whose clocks the quota's day or month begins."""
