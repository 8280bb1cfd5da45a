"""What the catalogue announces."""

from datetime import datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict

from chassis.messages import Event


class ProviderStandingGranted(Event, service="catalog", version=1):
    """The operator lets an organization publish products."""

    organization_id: str


class ProductCreated(Event, service="catalog", version=1):
    """A provider has begun a product; nobody else sees it before its first published version."""

    product_id: str
    organization_id: str
    slug: str
    title: str
    sensitivity: Literal["OPEN_TEST", "STANDARD", "CONFIDENTIAL"]


class ProductChanged(Event, service="catalog", version=1):
    """A product's description or sensitivity is another one now."""

    product_id: str
    organization_id: str
    slug: str
    title: str
    sensitivity: Literal["OPEN_TEST", "STANDARD", "CONFIDENTIAL"]


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
