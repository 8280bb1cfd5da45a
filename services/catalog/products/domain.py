"""What is true of a product: its plans, its APIs and their versions, who sees which, and what it refuses.

A product is one aggregate: plans and versions change only through it, so its rules hold whoever changes what at the same time.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Any

from chassis.errors import Conflict, FieldProblem, Invalid
from services.catalog.events import (
    ApiVersionPublished,
    PlanChanged,
    PlanCreated,
    ProductChanged,
    ProductCreated,
    PublishedOperation,
)
from services.catalog.products.lives import OnlyDraftsAreDeleted, Version

SLUG = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*")
LABEL = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,39}")
SLUG_MAX = 60


class Sensitivity(StrEnum):
    """Who may come to call a product, and after what."""

    OPEN_TEST = "OPEN_TEST"
    STANDARD = "STANDARD"
    CONFIDENTIAL = "CONFIDENTIAL"


class SensitivityKind(StrEnum):
    """Why a product is confidential."""

    PERSONAL_DATA = "PERSONAL_DATA"
    BANKING_SECRECY = "BANKING_SECRECY"
    COMMERCIAL_SECRECY = "COMMERCIAL_SECRECY"


class QuotaPeriod(StrEnum):
    """After which time a quota begins anew."""

    DAY = "DAY"
    MONTH = "MONTH"


class Approval(StrEnum):
    """Who lets an application onto a plan."""

    AUTOMATIC = "AUTOMATIC"
    BY_PROVIDER = "BY_PROVIDER"


class NotConfidential(Invalid):
    """Only a confidential product names kinds of secrecy."""

    def __init__(self) -> None:
        super().__init__(fields=[FieldProblem("sensitivity_kinds", "name none, because the product is not confidential")])


class SlugTaken(Conflict):
    """Another product has this slug already; choose another one."""

    def __init__(self) -> None:
        super().__init__(fields=[FieldProblem("slug", "choose another one, this one is taken")])


class PlanNameTaken(Conflict):
    """The product has a plan of this name already; choose another name."""

    def __init__(self) -> None:
        super().__init__(fields=[FieldProblem("name", "choose another one, the product has a plan of this name")])


class VersionLabelTaken(Conflict):
    """The API has a version with this label already; choose another label."""

    def __init__(self, label: str) -> None:
        super().__init__(
            f"The API has a version {label} already; choose another label.",
            fields=[FieldProblem("label", f"choose another one, the API has a version {label}")],
        )


class NoPlanYet(Conflict):
    """The product has no plan under which it could be called; create one first."""


class NothingToCall(Conflict):
    """The version's document describes no operation, so there is nothing to call."""


@dataclass(frozen=True, slots=True)
class Terms:
    """What a plan grants: ``rate_requests`` in ``rate_seconds``, ``burst`` at once, and a quota per period where there is one."""

    name: str
    rate_requests: int
    rate_seconds: int
    burst: int
    quota_calls: int | None
    quota_period: QuotaPeriod | None
    approval: Approval


@dataclass(frozen=True, slots=True)
class Plan:
    """The terms under which a product can be called."""

    id: str
    terms: Terms


@dataclass(frozen=True, slots=True)
class Api:
    """One described interface within a product."""

    id: str
    slug: str
    title: str
    versions: tuple[Version, ...] = ()


@dataclass(frozen=True, slots=True)
class Description:
    """What a product says of itself and how sensitive it is."""

    title: str
    summary: str
    tags: tuple[str, ...]
    sensitivity: Sensitivity
    sensitivity_kinds: tuple[SensitivityKind, ...]

    def __post_init__(self) -> None:
        """Refuse kinds that do not go with the sensitivity. Raises ``NotConfidential``."""
        if self.sensitivity is not Sensitivity.CONFIDENTIAL and self.sensitivity_kinds:
            raise NotConfidential


@dataclass(frozen=True, slots=True)
class Product:
    """What a provider offers."""

    id: str
    organization_id: str
    slug: str
    description: Description
    created_at: datetime
    plans: tuple[Plan, ...] = ()
    apis: tuple[Api, ...] = ()

    @property
    def is_public(self) -> bool:
        """Say whether everybody may see it: from its first published version on."""
        return any(version.is_public for _, version in self.versions())

    @property
    def is_callable(self) -> bool:
        """Say whether any version can be called: once all are retired, the product is history."""
        return any(version.is_callable for _, version in self.versions())

    def versions(self) -> Iterator[tuple[Api, Version]]:
        """Go through all versions, each with its API."""
        for api in self.apis:
            for version in api.versions:
                yield api, version

    def version(self, version_id: str) -> tuple[Api, Version] | None:
        """Return a version with its API, or None."""
        return next((found for found in self.versions() if found[1].id == version_id), None)

    def plan(self, plan_id: str) -> Plan | None:
        """Return a plan, or None."""
        return next((plan for plan in self.plans if plan.id == plan_id), None)

    def base_path(self, api: Api, version: Version) -> str:
        """Return the path in front of every operation's path of a version."""
        return f"/{self.slug}/{api.slug}/{version.label}"

    def created(self) -> ProductCreated:
        """Return the announcement of the product."""
        return ProductCreated(**self.announced())

    def change(self, description: Description) -> tuple["Product", ProductChanged | None]:
        """Return the product under another description, and what to announce: nothing where nothing is different."""
        if description == self.description:
            return self, None
        changed = replace(self, description=description)
        return changed, ProductChanged(**changed.announced())

    def announced(self) -> dict[str, Any]:
        """Return what announcements tell of the product."""
        return {
            "product_id": self.id,
            "organization_id": self.organization_id,
            "slug": self.slug,
            "title": self.description.title,
            "sensitivity": self.description.sensitivity.value,
        }

    def add_plan(self, plan: Plan) -> tuple["Product", PlanCreated]:
        """Return the product with one more plan. Raises ``PlanNameTaken``."""
        self._require_free_name(plan)
        return replace(self, plans=(*self.plans, plan)), PlanCreated(**self._announced_plan(plan))

    def change_plan(self, plan: Plan) -> tuple["Product", PlanChanged | None]:
        """Return the product with other terms for a plan that it has. Raises ``PlanNameTaken``."""
        if plan in self.plans:
            return self, None
        self._require_free_name(plan)
        plans = tuple(plan if each.id == plan.id else each for each in self.plans)
        return replace(self, plans=plans), PlanChanged(**self._announced_plan(plan))

    def _require_free_name(self, plan: Plan) -> None:
        name = plan.terms.name.casefold()
        if any(each.terms.name.casefold() == name and each.id != plan.id for each in self.plans):
            raise PlanNameTaken

    def _announced_plan(self, plan: Plan) -> dict[str, Any]:
        return {"plan_id": plan.id, "product_id": self.id, "organization_id": self.organization_id, **terms_row(plan.terms)}

    def api_with_slug(self, slug: str) -> Api | None:
        """Return the API of this slug, or None."""
        return next((api for api in self.apis if api.slug == slug), None)

    def add_version(self, api: Api, version: Version) -> "Product":
        """Return the product with a draft in an API, which joins the product where it is new. Raises ``VersionLabelTaken``."""
        present = self.api_with_slug(api.slug)
        if present is None:
            return replace(self, apis=(*self.apis, replace(api, versions=(version,))))
        # Paths of calls are told apart by people too: v1 and V1 side by side would only confuse.
        if any(each.label.casefold() == version.label.casefold() for each in present.versions):
            raise VersionLabelTaken(version.label)
        grown = replace(present, versions=(*present.versions, version))
        return replace(self, apis=tuple(grown if each is present else each for each in self.apis))

    def put(self, api: Api, version: Version) -> "Product":
        """Return the product with a version of one of its APIs as it is now."""
        grown = replace(api, versions=tuple(version if each.id == version.id else each for each in api.versions))
        return replace(self, apis=tuple(grown if each.id == api.id else each for each in self.apis))

    def without_draft(self, version_id: str) -> "Product":
        """Return the product without a draft, and without an API that has no version left. Raises ``OnlyDraftsAreDeleted``."""
        found = self.version(version_id)
        assert found is not None, "the version belongs to this product"
        api, draft = found
        if draft.is_public:
            raise OnlyDraftsAreDeleted
        left = replace(api, versions=tuple(each for each in api.versions if each is not draft))
        apis = (left if each is api else each for each in self.apis)
        return replace(self, apis=tuple(each for each in apis if each.versions))

    def publish(
        self, version_id: str, operations: tuple[PublishedOperation, ...], *, now: datetime, actor: str | None
    ) -> tuple["Product", ApiVersionPublished]:
        """Return the product with a draft published.

        Raises ``AlreadyPublished``, ``AlreadyRetired``, ``NothingToCall`` or ``NoPlanYet``.
        """
        found = self.version(version_id)
        assert found is not None, "the version belongs to this product"
        api, draft = found
        version = draft.publish(now, actor)
        if not operations:
            raise NothingToCall
        if not self.plans:
            raise NoPlanYet
        return self.put(api, version), ApiVersionPublished(**self.announced_version(api, version), operations=operations)

    def announced_version(self, api: Api, version: Version) -> dict[str, Any]:
        """Return what announcements tell of a version."""
        return {
            "version_id": version.id,
            "api_id": api.id,
            "product_id": self.id,
            "organization_id": self.organization_id,
            "product_slug": self.slug,
            "title": api.title,
            "label": version.label,
            "base_path": self.base_path(api, version),
        }


def terms_row(terms: Terms) -> dict[str, Any]:
    """Return a plan's terms as plain data."""
    return {
        "name": terms.name,
        "rate_requests": terms.rate_requests,
        "rate_seconds": terms.rate_seconds,
        "burst": terms.burst,
        "quota_calls": terms.quota_calls,
        "quota_period": terms.quota_period.value if terms.quota_period else None,
        "approval": terms.approval.value,
    }


def read_terms(row: Mapping[str, Any]) -> Terms:
    """Return the terms that plain data holds."""
    period = row["quota_period"]
    return Terms(
        name=row["name"],
        rate_requests=row["rate_requests"],
        rate_seconds=row["rate_seconds"],
        burst=row["burst"],
        quota_calls=row["quota_calls"],
        quota_period=QuotaPeriod(period) if period else None,
        approval=Approval(row["approval"]),
    )
