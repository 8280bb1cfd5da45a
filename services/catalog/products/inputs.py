"""What the routes of products and plans take, and what is usable of it."""

import re
from typing import Annotated, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints, model_validator

from services.catalog.products.domain import (
    SLUG,
    SLUG_MAX,
    Approval,
    Description,
    QuotaPeriod,
    Sensitivity,
    SensitivityKind,
    Terms,
)
from services.catalog.products.words import fold

_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_CONTROL_BUT_LINES = re.compile(r"[\x00-\x09\x0b-\x1f\x7f]")


def _one_line(text: str) -> str:
    if _CONTROL.search(text):
        raise ValueError("write it on one line, without control characters")
    return text


def printable(text: str) -> str:
    """Return the text. Raises ``ValueError`` where it has control characters other than new lines."""
    if _CONTROL_BUT_LINES.search(text):
        raise ValueError("write it without control characters")
    return text


def _slug(text: str) -> str:
    if not SLUG.fullmatch(text):
        raise ValueError("use a-z, 0-9 and single hyphens, as in 'account-information'")
    return text


def _different(tags: tuple[str, ...]) -> tuple[str, ...]:
    return tuple({fold(tag): tag for tag in reversed(tags)}.values())[::-1]


Id = Annotated[str, Field(max_length=64)]
Title = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=120), AfterValidator(_one_line)]
Name = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=60), AfterValidator(_one_line)]
Summary = Annotated[str, StringConstraints(strip_whitespace=True, max_length=2000), AfterValidator(printable)]
Tag = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=40), AfterValidator(_one_line)]
Tags = Annotated[tuple[Tag, ...], Field(max_length=20), AfterValidator(_different)]
Slug = Annotated[str, StringConstraints(max_length=SLUG_MAX), AfterValidator(_slug)]
Count = Annotated[int, Field(ge=1, le=1_000_000_000, strict=True)]


class Input(BaseModel):
    """The parent of all inputs: what is not known is refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class CreateProduct(Input):
    """The input of ``create_product``."""

    organization_id: Id
    title: Title
    slug: Slug | None = None
    summary: Summary = ""
    tags: Tags | None = None
    sensitivity: Sensitivity
    sensitivity_kinds: tuple[SensitivityKind, ...] | None = None

    def description(self) -> Description:
        """Return what the product is to say of itself."""
        kinds = tuple(dict.fromkeys(self.sensitivity_kinds or ()))
        return Description(self.title, self.summary, self.tags or (), self.sensitivity, kinds)


class ChangeProduct(Input):
    """The input of ``change_product``: what is left out or null stays as it is."""

    product_id: Id
    title: Title | None = None
    summary: Summary | None = None
    tags: Tags | None = None
    sensitivity: Sensitivity | None = None
    sensitivity_kinds: tuple[SensitivityKind, ...] | None = None

    def onto(self, present: Description) -> Description:
        """Return the description as it is to be."""
        sensitivity = self.sensitivity or present.sensitivity
        kinds = self.sensitivity_kinds
        if kinds is None:
            # Leaving "confidential" takes its kinds along.
            kinds = present.sensitivity_kinds if sensitivity is Sensitivity.CONFIDENTIAL else ()
        return Description(
            title=present.title if self.title is None else self.title,
            summary=present.summary if self.summary is None else self.summary,
            tags=present.tags if self.tags is None else self.tags,
            sensitivity=sensitivity,
            sensitivity_kinds=tuple(dict.fromkeys(kinds)),
        )


class _PlanTerms(Input):
    """The terms in the inputs of plans; without ``burst`` as many calls at once as in ``rate_seconds``."""

    name: Name
    rate_requests: Count
    rate_seconds: Annotated[int, Field(ge=1, le=86_400, strict=True)]
    burst: Count | None = None
    quota_calls: Count | None = None
    quota_period: QuotaPeriod | None = None
    approval: Approval

    @model_validator(mode="after")
    def _check(self) -> Self:
        if (self.quota_calls is None) != (self.quota_period is None):
            raise ValueError("quota_calls and quota_period: give both or none")
        return self

    def terms(self) -> Terms:
        """Return the plan's terms."""
        burst = self.burst or self.rate_requests
        quota = (self.quota_calls, self.quota_period)
        return Terms(self.name, self.rate_requests, self.rate_seconds, burst, *quota, self.approval)


class CreatePlan(_PlanTerms):
    """The input of ``create_plan``."""

    product_id: Id


class ChangePlan(_PlanTerms):
    """The input of ``change_plan``: all terms, as they are to be."""

    plan_id: Id


class Browse(Input):
    """The arguments of ``products``."""

    search: Annotated[str, Field(max_length=200)] | None = None
    sensitivity: Sensitivity | None = None
    tag: Annotated[str, Field(max_length=40)] | None = None
    first: int | None = None
    after: str | None = None
