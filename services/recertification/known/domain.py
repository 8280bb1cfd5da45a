"""What is known here of the things of others that somebody holds."""

from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum


class Kind(StrEnum):
    """What a campaign may be about."""

    PERMISSION = "PERMISSION"
    AGREEMENT = "AGREEMENT"
    SUBSCRIPTION = "SUBSCRIPTION"
    MEMBER = "MEMBER"
    CERTIFICATE = "CERTIFICATE"


@dataclass(frozen=True, slots=True)
class Thing:
    """Something that an organization holds. ``key`` is its own here; a member's ``subject_id`` is the user's id."""

    key: str
    kind: Kind
    subject_id: str
    organization_id: str
    provider_id: str | None = None
    product_id: str | None = None
    application_id: str | None = None
    detail: str | None = None
    """What tells it from its like: a kind of agreement, a member's role, a certificate's thumbprint."""
    since: datetime | None = None
    lapses_at: datetime | None = None
    last_used_at: datetime | None = None
    """The beginning of the day of its last use; None where no use is known."""


@dataclass(frozen=True, slots=True)
class Names:
    """What the parts of a thing are called; None is what has not been heard of."""

    organization: str | None = None
    provider: str | None = None
    product: str | None = None
    application: str | None = None


def key_of(kind: Kind, subject_id: str, organization_id: str) -> str:
    """Return the key of a thing: a member is one of an organization, everything else has an id of its own."""
    return f"{kind}:{organization_id}:{subject_id}" if kind is Kind.MEMBER else f"{kind}:{subject_id}"


def day_of(moment: datetime) -> datetime:
    """Return the beginning of the day (UTC) that a moment lies in."""
    return moment.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
