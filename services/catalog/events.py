"""What the catalogue announces."""

from datetime import datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from chassis.acts import Recorded
from chassis.messages import Event


class ActRecorded(Recorded, service="catalog", version=1):
    """Somebody did something here or was refused it, for the audit trail: services hear it, it is meant for no organization."""


class ProviderStandingGranted(Event, service="catalog", version=1):
    """The operator lets an organization publish products."""

    organization_id: str


class ProviderStandingWithdrawn(Event, service="catalog", version=1):
    """The operator lets an organization publish products no more; it has none that could be called."""

    organization_id: str


class ProductCreated(Event, service="catalog", version=1):
    """A provider has begun a product; nobody else sees it before its first published version."""

    product_id: str
    organization_id: str
    slug: str
    title: str
    sensitivity: Literal["OPEN_TEST", "STANDARD", "CONFIDENTIAL"]
    prerequisites: tuple[Literal["ONBOARDING", "AGREEMENT", "PERMISSION"], ...] = ()
    titles: dict[Literal["LV", "RU", "EN"], str] = Field(default_factory=dict)
    when_unchecked: Literal["CLOSED", "OPEN"] = "CLOSED"
    """What becomes of calls while nobody can say whether they may pass."""


class ProductChanged(Event, service="catalog", version=1):
    """A product's description or sensitivity is another one now."""

    product_id: str
    organization_id: str
    slug: str
    title: str
    sensitivity: Literal["OPEN_TEST", "STANDARD", "CONFIDENTIAL"]
    prerequisites: tuple[Literal["ONBOARDING", "AGREEMENT", "PERMISSION"], ...] = ()
    titles: dict[Literal["LV", "RU", "EN"], str] = Field(default_factory=dict)
    when_unchecked: Literal["CLOSED", "OPEN"] = "CLOSED"
    """What becomes of calls while nobody can say whether they may pass."""


class PublishedOperation(BaseModel):
    """One operation of a published version."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    operation_id: str
    method: str
    path: str


class ApiVersionPublished(Event, service="catalog", version=1):
    """A version can be called; ``title`` is its API's, and a call's path is ``base_path`` and the operation's path."""

    version_id: str
    api_id: str
    product_id: str
    organization_id: str
    product_slug: str
    title: str
    label: str
    base_path: str
    operations: tuple[PublishedOperation, ...]


class UpstreamChanged(Event, service="catalog", version=1):
    """In production a version's calls go to another upstream, or to none: without ``url`` the sandbox answers them.

    ``authorities`` are certificates (PEM) that sign the upstream's own, null for those that the world trusts;
    ``client_certificate`` names the one that the data plane shows to it.
    """

    version_id: str
    api_id: str
    product_id: str
    organization_id: str
    product_slug: str
    title: str
    label: str
    base_path: str
    url: str | None
    timeout_seconds: int | None
    host_header: str | None
    authorities: str | None
    client_certificate: str | None


class _ToldOfVersion(BaseModel):
    """What is told of a version's life; affected is who is subscribed to its product or has lately called it."""

    version_id: str
    api_id: str
    product_id: str
    organization_id: str
    product_slug: str
    title: str
    label: str
    base_path: str
    affected_organization_ids: tuple[str, ...]
    """The first 500 of them."""
    affected_organizations_total: int


class _ToldOfItsEnd(_ToldOfVersion):
    """Since when a version is deprecated, when it ends, and which version (of any product) its callers are to go to."""

    deprecated_at: datetime
    sunset_at: datetime
    migrate_to: str | None
    migrate_to_base_path: str | None
    note: str | None


class ApiVersionDeprecated(_ToldOfItsEnd, Event, service="catalog", version=1):
    """A version can still be called, but it ends at ``sunset_at``; said again where the date, the target or the note changes."""


class ApiVersionUndeprecated(_ToldOfVersion, Event, service="catalog", version=1):
    """A version that was deprecated does not end after all."""


class ApiVersionRetired(_ToldOfItsEnd, Event, service="catalog", version=1):
    """A version cannot be called any more; ``despite_traffic`` says why, where it came early or callers did not know."""

    retired_at: datetime
    despite_traffic: str | None


class RetirementAcknowledged(Event, service="catalog", version=1):
    """An organization knows that a version it calls ends at ``sunset_at``."""

    version_id: str
    product_id: str
    organization_id: str
    provider_id: str
    sunset_at: datetime


class PlanCreated(Event, service="catalog", version=1):
    """A product is offered under one more plan."""

    plan_id: str
    product_id: str
    organization_id: str
    name: str
    rate_requests: int
    rate_seconds: int
    burst: int
    quota_calls: int | None
    quota_period: Literal["DAY", "MONTH"] | None
    approval: Literal["AUTOMATIC", "BY_PROVIDER"]
    valid_from: datetime | None = None
    valid_to: datetime | None = None
    quota_time_zone: str = "UTC"


class PlanChanged(Event, service="catalog", version=1):
    """A plan's terms are others now, for everybody who is on it."""

    plan_id: str
    product_id: str
    organization_id: str
    name: str
    rate_requests: int
    rate_seconds: int
    burst: int
    quota_calls: int | None
    quota_period: Literal["DAY", "MONTH"] | None
    approval: Literal["AUTOMATIC", "BY_PROVIDER"]
    valid_from: datetime | None = None
    valid_to: datetime | None = None
    quota_time_zone: str = "UTC"


class PlanWithdrawn(Event, service="catalog", version=1):
    """Nobody can subscribe to a plan any more; whoever is on it stays on it, under the terms that it had last."""

    plan_id: str
    product_id: str
    organization_id: str
    name: str
    rate_requests: int
    rate_seconds: int
    burst: int
    quota_calls: int | None
    quota_period: Literal["DAY", "MONTH"] | None
    approval: Literal["AUTOMATIC", "BY_PROVIDER"]
    valid_from: datetime | None = None
    valid_to: datetime | None = None
    quota_time_zone: str = "UTC"


class CategoryCreated(Event, service="catalog", version=1):
    """The tree of categories has one more; ``names`` are by language."""

    category_id: str
    slug: str
    parent_id: str | None
    names: dict[str, str]


class CategoryChanged(Event, service="catalog", version=1):
    """A category is named otherwise or stands elsewhere."""

    category_id: str
    slug: str
    parent_id: str | None
    names: dict[str, str]


class CategoryRemoved(Event, service="catalog", version=1):
    """A category is gone; what was in it is in it no more."""

    category_id: str
    slug: str


class GuidanceWritten(Event, service="catalog", version=1):
    """The page that guides through a step says something else now: the platform's, or a product's where one is named."""

    page_id: str
    step: str
    product_id: str | None
    organization_id: str | None
    languages: tuple[str, ...]


class GuidanceRemoved(Event, service="catalog", version=1):
    """A page that guided through a step is gone."""

    page_id: str
    step: str
    product_id: str | None
    organization_id: str | None
