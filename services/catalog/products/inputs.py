"""What the routes of products and plans take, and what is usable of it."""

import re
import zoneinfo
from datetime import UTC, datetime
from functools import cache
from typing import Annotated, Self

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints, model_validator

from chassis.clock import to_millisecond
from services.catalog.products.domain import (
    SLUG,
    SLUG_MAX,
    Description,
    Prerequisite,
    ProductText,
    Sensitivity,
    SensitivityKind,
    WhenUnchecked,
    with_agreement,
)
from services.catalog.products.plans import Approval, QuotaPeriod, Terms
from services.catalog.products.words import fold
from services.catalog.texts.domain import DEFAULT, Language, in_order

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


def _to_utc(moment: datetime) -> datetime:
    try:
        return to_millisecond(moment.astimezone(UTC))
    except OverflowError as error:
        raise ValueError("give a moment between the years 1 and 9999") from error


@cache
def _zones() -> frozenset[str]:
    return frozenset(each for each in zoneinfo.available_timezones() if each == "UTC" or "/" in each)


def _time_zone(name: str) -> str:
    if name not in _zones():
        raise ValueError("use the IANA name of a time zone, such as Europe/Riga or UTC")
    return name


Id = Annotated[str, Field(max_length=64)]
Title = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=120), AfterValidator(_one_line)]
Name = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=60), AfterValidator(_one_line)]
Summary = Annotated[str, StringConstraints(strip_whitespace=True, max_length=2000), AfterValidator(printable)]
Tag = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=40), AfterValidator(_one_line)]
Tags = Annotated[tuple[Tag, ...], Field(max_length=20), AfterValidator(_different)]
Slug = Annotated[str, StringConstraints(max_length=SLUG_MAX), AfterValidator(_slug)]
TimeZone = Annotated[str, Field(max_length=64), AfterValidator(_time_zone)]
Count = Annotated[int, Field(ge=1, le=1_000_000_000, strict=True)]


Moment = Annotated[AwareDatetime, AfterValidator(_to_utc)]


class Input(BaseModel):
    """The parent of all inputs: what is not known is refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class TextInput(Input):
    """What a product says of itself in one language."""

    language: Language
    title: Title
    summary: Summary = ""


Texts = Annotated[tuple[TextInput, ...], Field(max_length=len(Language))]
CategoryIds = Annotated[tuple[Id, ...], Field(max_length=5), AfterValidator(lambda ids: tuple(dict.fromkeys(ids)))]


def _texts(wanted: tuple[TextInput, ...]) -> tuple[ProductText, ...]:
    return in_order(ProductText(each.language, each.title, each.summary) for each in wanted)


class CreateProduct(Input):
    """The input of ``create_product``."""

    organization_id: Id
    title: Title
    slug: Slug | None = None
    summary: Summary = ""
    tags: Tags | None = None
    sensitivity: Sensitivity
    sensitivity_kinds: tuple[SensitivityKind, ...] | None = None
    prerequisites: tuple[Prerequisite, ...] | None = None
    main_language: Language | None = None
    texts: Texts | None = None
    categories: CategoryIds | None = None
    when_unchecked: WhenUnchecked | None = None

    def description(self) -> Description:
        """Return what the product is to say of itself."""
        return Description(
            title=self.title,
            summary=self.summary,
            tags=self.tags or (),
            sensitivity=self.sensitivity,
            sensitivity_kinds=tuple(dict.fromkeys(self.sensitivity_kinds or ())),
            prerequisites=with_agreement(self.sensitivity, self.prerequisites or ()),
            main_language=self.main_language or DEFAULT,
            translations=_texts(self.texts or ()),
            category_ids=self.categories or (),
            when_unchecked=self.when_unchecked or WhenUnchecked.CLOSED,
        )


class ChangeProduct(Input):
    """The input of ``change_product``: what is left out or null stays as it is; ``texts`` are all those in other languages."""

    product_id: Id
    title: Title | None = None
    summary: Summary | None = None
    tags: Tags | None = None
    sensitivity: Sensitivity | None = None
    sensitivity_kinds: tuple[SensitivityKind, ...] | None = None
    prerequisites: tuple[Prerequisite, ...] | None = None
    main_language: Language | None = None
    texts: Texts | None = None
    categories: CategoryIds | None = None
    when_unchecked: WhenUnchecked | None = None

    def onto(self, present: Description) -> Description:
        """Return the description as it is to be."""
        if self.main_language is not None:
            present = present.in_main_language(self.main_language)
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
            prerequisites=self._prerequisites_onto(present, sensitivity),
            main_language=present.main_language,
            translations=present.translations if self.texts is None else _texts(self.texts),
            category_ids=present.category_ids if self.categories is None else self.categories,
            when_unchecked=self._when_unchecked_onto(present, sensitivity),
        )

    def _when_unchecked_onto(self, present: Description, sensitivity: Sensitivity) -> WhenUnchecked:
        if self.when_unchecked is None and sensitivity is Sensitivity.CONFIDENTIAL:
            return WhenUnchecked.CLOSED
        return self.when_unchecked or present.when_unchecked

    def _prerequisites_onto(self, present: Description, sensitivity: Sensitivity) -> tuple[Prerequisite, ...]:
        if self.prerequisites is None:
            # An open test has none. Whatever else the product becomes, it asks for no less than it did, unless that is said.
            return with_agreement(sensitivity, () if sensitivity is Sensitivity.OPEN_TEST else present.prerequisites)
        if sensitivity is present.sensitivity:
            # Where the agreement was asked for already, leaving it out means to take it away, and that is for the rule to judge.
            return tuple(each for each in Prerequisite if each in self.prerequisites)
        return with_agreement(sensitivity, self.prerequisites)


class _PlanTerms(Input):
    """The terms in the inputs of plans; without ``burst`` as many calls at once as in ``rate_seconds``, without a zone UTC."""

    name: Name
    rate_requests: Count
    rate_seconds: Annotated[int, Field(ge=1, le=86_400, strict=True)]
    burst: Count | None = None
    quota_calls: Count | None = None
    quota_period: QuotaPeriod | None = None
    approval: Approval
    valid_from: Moment | None = None
    valid_to: Moment | None = None
    time_zone: TimeZone | None = None

    @model_validator(mode="after")
    def _check(self) -> Self:
        if (self.quota_calls is None) != (self.quota_period is None):
            raise ValueError("a quota has a number of calls and a period: give both or none")
        return self

    def terms(self) -> Terms:
        """Return the plan's terms."""
        burst = self.burst or self.rate_requests
        return Terms(
            name=self.name,
            rate_requests=self.rate_requests,
            rate_seconds=self.rate_seconds,
            burst=burst,
            quota_calls=self.quota_calls,
            quota_period=self.quota_period,
            approval=self.approval,
            valid_from=self.valid_from,
            valid_to=self.valid_to,
            quota_time_zone=self.time_zone or "UTC",
        )


class CreatePlan(_PlanTerms):
    """The input of ``create_plan``."""

    product_id: Id


class ChangePlan(_PlanTerms):
    """The input of ``change_plan``: all terms, as they are to be."""

    plan_id: Id


class WithdrawPlan(Input):
    """The input of ``withdraw_plan``."""

    plan_id: Id
