"""What is known here of the things of others."""

from collections.abc import Iterable
from dataclasses import dataclass


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
    """What is known here of a published product; ``prerequisites`` are the names of the grounds that it asks for."""

    id: str
    provider_id: str
    is_confidential: bool
    prerequisites: frozenset[str] = frozenset()
    is_open_test: bool = False


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
