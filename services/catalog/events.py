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
    prerequisites: tuple[Literal["ONBOARDING", "AGREEMENT", "PERMISSION"], ...] = ()


class ProductChanged(Event, service="catalog", version=1):
    """A product's description or sensitivity is another one now."""

    product_id: str
    organization_id: str
    slug: str
    title: str
    sensitivity: Literal["OPEN_TEST", "STANDARD", "CONFIDENTIAL"]
    prerequisites: tuple[Literal["ONBOARDING", "AGREEMENT", "PERMISSION"], ...] = ()


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
