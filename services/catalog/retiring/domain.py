"""What is true of a version's end: when it may come, who has to know of it, and what is announced of it."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from chassis.errors import Conflict, FieldProblem, Invalid
from services.catalog.callers.domain import COUNTED_DAYS, Traffic
from services.catalog.events import (
    ApiVersionDeprecated,
    ApiVersionRetired,
    ApiVersionUndeprecated,
    RetirementAcknowledged,
)
from services.catalog.products.domain import Api, Product
from services.catalog.products.lives import Ending, Version

MOST_AFFECTED = 500


class SunsetNotInFuture(Invalid):
    """The sunset date lies in the past; give one that its callers can still prepare for."""

    def __init__(self) -> None:
        super().__init__(fields=[FieldProblem("sunset_at", "give a moment in the future")])


class MigrationTargetNotUsable(Invalid):
    """Callers cannot be sent to that version; name another one that is published."""

    def __init__(self) -> None:
        super().__init__(fields=[FieldProblem("migrate_to", "name a version that is published, and not the one that ends")])


class SunsetNotReached(Conflict):
    """The sunset date that callers were told has not come yet."""

    def __init__(self, sunset_at: datetime) -> None:
        mend = "wait for the sunset date, or give the reason why the version ends before it"
        super().__init__(
            f"Callers were told that the version can be called until {sunset_at:%Y-%m-%d %H:%M} UTC.",
            fields=[FieldProblem("despite_traffic", mend)],
        )


class TrafficNotAcknowledged(Conflict):
    """Applications still call the version, and their organizations have not acknowledged its end."""

    def __init__(self, applications: int, calls: int) -> None:
        who = "1 application has" if applications == 1 else f"{applications} applications have"
        often = "once" if calls == 1 else f"{calls} times"
        mend = "wait until they have acknowledged it or call no more, or give the reason why the version ends all the same"
        super().__init__(
            f"{who} called the version {often} in the last {COUNTED_DAYS} days without an acknowledgement of its end.",
            fields=[FieldProblem("despite_traffic", mend)],
        )


@dataclass(frozen=True, slots=True)
class Acknowledgement:
    """An organization has taken note that a version ends at ``sunset_at``."""

    version_id: str
    organization_id: str
    sunset_at: datetime
    acknowledged_at: datetime
    acknowledged_by: str

    @property
    def id(self) -> str:
        """Return the one id of a version and an organization."""
        return f"{self.version_id}.{self.organization_id}"

    def covers(self, ending: Ending) -> bool:
        """Say whether it still holds: a date that was brought forward has to be acknowledged anew."""
        return self.sunset_at <= ending.sunset_at

    def announced(self, product: Product) -> RetirementAcknowledged:
        """Return its announcement."""
        return RetirementAcknowledged(
            version_id=self.version_id,
            product_id=product.id,
            organization_id=self.organization_id,
            provider_id=product.organization_id,
            sunset_at=self.sunset_at,
        )


@dataclass(frozen=True, slots=True)
class Place:
    """A version with the product and the API that it belongs to."""

    product: Product
    api: Api
    version: Version

    def announced(self, affected: Sequence[str]) -> dict[str, Any]:
        """Return what every announcement of its life tells."""
        ids = {"affected_organization_ids": tuple(affected[:MOST_AFFECTED]), "affected_organizations_total": len(affected)}
        return {**self.product.announced_version(self.api, self.version), **ids}

    def announced_end(self, affected: Sequence[str]) -> dict[str, Any]:
        """Return what the announcements of its end tell."""
        ending = self.version.ending
        assert ending is not None, "what has ended or will end has been given an end"
        return {
            **self.announced(affected),
            "deprecated_at": ending.deprecated_at,
            "sunset_at": ending.sunset_at,
            "migrate_to": ending.migrate_to,
            "migrate_to_base_path": ending.migrate_to_base_path,
            "note": ending.note,
        }

    def deprecated(self, affected: Sequence[str]) -> ApiVersionDeprecated:
        """Return the announcement that it is deprecated."""
        return ApiVersionDeprecated(**self.announced_end(affected))

    def undeprecated(self, affected: Sequence[str]) -> ApiVersionUndeprecated:
        """Return the announcement that it does not end after all."""
        return ApiVersionUndeprecated(**self.announced(affected))

    def retired(self, affected: Sequence[str], despite_traffic: str | None) -> ApiVersionRetired:
        """Return the announcement that it has ended."""
        assert self.version.retired_at is not None
        return ApiVersionRetired(
            **self.announced_end(affected), retired_at=self.version.retired_at, despite_traffic=despite_traffic
        )


def unacknowledged(place: Place, traffic: Iterable[Traffic], acknowledgements: Mapping[str, Acknowledgement]) -> list[Traffic]:
    """Return the traffic of organizations that have not acknowledged the version's end; the provider itself need not."""
    ending = place.version.require_ending()
    know = {each.organization_id for each in acknowledgements.values() if each.covers(ending)}
    return [
        each for each in traffic if each.organization_id not in know and each.organization_id != place.product.organization_id
    ]


def require_quiet(place: Place, left: Sequence[Traffic], now: datetime) -> None:
    """Refuse to end what is still called or not due. Raises ``TrafficNotAcknowledged`` or ``SunsetNotReached``."""
    if left:
        raise TrafficNotAcknowledged(len(left), sum(each.calls for each in left))
    ending = place.version.require_ending()
    if now < ending.sunset_at:
        raise SunsetNotReached(ending.sunset_at)
