"""The life of a version: DRAFT, PUBLISHED, DEPRECATED with a sunset date, RETIRED. Pure."""

from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Any

from chassis.errors import Conflict
from services.catalog.products.upstreams import Upstream

MOST_CHANGES = 100


class VersionStatus(StrEnum):
    """Where a version stands in its life."""

    DRAFT = "DRAFT"
    PUBLISHED = "PUBLISHED"
    DEPRECATED = "DEPRECATED"
    RETIRED = "RETIRED"


CALLABLE = frozenset({VersionStatus.PUBLISHED, VersionStatus.DEPRECATED})


class AlreadyPublished(Conflict):
    """The version is published already."""


class NotPublishedYet(Conflict):
    """The version is a draft: publish it first, or delete it."""


class NotDeprecated(Conflict):
    """The version is not deprecated; deprecate it first, with the date of its end."""


class AlreadyRetired(Conflict):
    """The version is retired, and that is final."""


class OnlyDraftsAreDeleted(Conflict):
    """The version has been published, so it stays readable; deprecate and retire it instead."""


@dataclass(frozen=True, slots=True)
class Ending:
    """What is known of a version's end: since when it is deprecated, when it ends, which version follows it."""

    deprecated_at: datetime
    sunset_at: datetime
    migrate_to: str | None = None
    migrate_to_base_path: str | None = None
    note: str | None = None


@dataclass(frozen=True, slots=True)
class VersionChange:
    """One step of a version's life; ``reason`` is the note of a deprecation, or why a version was retired despite its traffic."""

    status: VersionStatus
    at: datetime
    actor: str | None
    reason: str | None = None
    sunset_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Version:
    """One release of an API; ``upstream_told`` says that others have heard of an upstream of it, which it may have no more."""

    id: str
    label: str
    status: VersionStatus
    openapi_version: str
    operations_count: int
    published_at: datetime | None = None
    ending: Ending | None = None
    retired_at: datetime | None = None
    history: tuple[VersionChange, ...] = ()
    upstream: Upstream | None = None
    upstream_told: bool = False

    @property
    def is_public(self) -> bool:
        """Say whether everybody may see it."""
        return self.status is not VersionStatus.DRAFT

    @property
    def is_callable(self) -> bool:
        """Say whether it can be called."""
        return self.status in CALLABLE

    def publish(self, now: datetime, actor: str | None) -> "Version":
        """Return the version published. Raises ``AlreadyPublished`` or ``AlreadyRetired``."""
        self.require_draft()
        return self._after(
            VersionChange(VersionStatus.PUBLISHED, now, actor), published_at=now, upstream_told=self.upstream is not None
        )

    def deprecate(self, ending: Ending, now: datetime, actor: str | None) -> "Version":
        """Return the version deprecated, or with another end; itself where nothing is different.

        Raises ``NotPublishedYet`` or ``AlreadyRetired``.
        """
        self.require_callable()
        if self.ending is not None:
            ending = replace(ending, deprecated_at=self.ending.deprecated_at)
        if self.ending == ending:
            return self
        change = VersionChange(VersionStatus.DEPRECATED, now, actor, ending.note, ending.sunset_at)
        return self._after(change, ending=ending)

    def undeprecate(self, now: datetime, actor: str | None) -> "Version":
        """Return the version without an end. Raises ``NotPublishedYet``, ``NotDeprecated`` or ``AlreadyRetired``."""
        self.require_ending()
        return self._after(VersionChange(VersionStatus.PUBLISHED, now, actor), ending=None)

    def retire(self, now: datetime, actor: str | None, reason: str | None) -> "Version":
        """Return the version retired. Raises ``NotPublishedYet``, ``NotDeprecated`` or ``AlreadyRetired``."""
        self.require_ending()
        return self._after(VersionChange(VersionStatus.RETIRED, now, actor, reason), retired_at=now)

    def served_by(self, upstream: Upstream | None) -> "Version":
        """Return the version with another upstream, or none; itself where nothing is different. Raises ``AlreadyRetired``."""
        if self.status is VersionStatus.RETIRED:
            raise AlreadyRetired
        if upstream == self.upstream:
            return self
        return replace(self, upstream=upstream, upstream_told=self.is_public or self.upstream_told)

    def require_draft(self) -> None:
        """Refuse unless it is still to be published. Raises ``AlreadyPublished`` or ``AlreadyRetired``."""
        if self.status is VersionStatus.RETIRED:
            raise AlreadyRetired
        if self.status is not VersionStatus.DRAFT:
            raise AlreadyPublished

    def require_callable(self) -> None:
        """Refuse unless it can be called. Raises ``NotPublishedYet`` or ``AlreadyRetired``."""
        if self.status is VersionStatus.DRAFT:
            raise NotPublishedYet
        if self.status is VersionStatus.RETIRED:
            raise AlreadyRetired

    def require_ending(self) -> Ending:
        """Return its end. Raises ``NotPublishedYet``, ``NotDeprecated`` or ``AlreadyRetired``."""
        self.require_callable()
        if self.ending is None:
            raise NotDeprecated
        return self.ending

    def _after(self, change: VersionChange, **different: Any) -> "Version":
        return replace(self, status=change.status, history=(*self.history, change)[-MOST_CHANGES:], **different)
