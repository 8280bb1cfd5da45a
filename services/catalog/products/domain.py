"""What is true of a product: its plans, its APIs and their versions, who sees which, and what it refuses.

A product is one aggregate: plans and versions change only through it, so its rules hold whoever changes what at the same time.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Any

from chassis.errors import Conflict, FieldProblem, Invalid
from services.catalog.events import (
    ApiVersionPublished,
    PlanChanged,
    PlanCreated,
    PlanWithdrawn,
    ProductChanged,
    ProductCreated,
    PublishedOperation,
)
from services.catalog.products.lives import OnlyDraftsAreDeleted, Version
from services.catalog.products.plans import Plan, PlanNameTaken, terms_row
from services.catalog.texts.domain import DEFAULT, Language, chosen, in_order, require_each_once

SLUG = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*")
LABEL = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,39}")
SLUG_MAX = 60
# In front of a base path it stands for the environment: calls that the sandbox answers.
RESERVED_SLUGS = frozenset({"sandbox"})


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


class Prerequisite(StrEnum):
    """What somebody needs before they may subscribe to a product; written in this order, each once."""

    ONBOARDING = "ONBOARDING"
    AGREEMENT = "AGREEMENT"
    PERMISSION = "PERMISSION"


class WhenUnchecked(StrEnum):
    """What becomes of a product's calls while nobody can say whether they may pass: refused, or let through."""

    CLOSED = "CLOSED"
    OPEN = "OPEN"


class ConfidentialStaysClosed(Invalid):
    """No call of a confidential product passes unchecked."""

    def __init__(self) -> None:
        super().__init__(fields=[FieldProblem("when_unchecked", "choose CLOSED, because the product is confidential")])


class NotConfidential(Invalid):
    """Only a confidential product names kinds of secrecy."""

    def __init__(self) -> None:
        super().__init__(fields=[FieldProblem("sensitivity_kinds", "name none, because the product is not confidential")])


class OpenTestAsksForNothing(Invalid):
    """Every registered user may call an open test product, so it has no prerequisites."""

    def __init__(self) -> None:
        super().__init__(fields=[FieldProblem("prerequisites", "name none, because the product is an open test")])


class AgreementAlwaysNeeded(Invalid):
    """A confidential product is never to be had without an agreement."""

    def __init__(self) -> None:
        super().__init__(fields=[FieldProblem("prerequisites", "name AGREEMENT too, because the product is confidential")])


class MainLanguageTwice(Invalid):
    """What a product says in its main language are its title and its summary; give no other text in that language."""

    def __init__(self) -> None:
        super().__init__(fields=[FieldProblem("texts", "leave out the main language, its text is title and summary")])


class SlugTaken(Conflict):
    """Another product has this slug already; choose another one."""

    def __init__(self) -> None:
        super().__init__(fields=[FieldProblem("slug", "choose another one, this one is taken")])


class SlugReserved(Invalid):
    """The platform itself uses this slug in the paths of calls; choose another one."""

    def __init__(self) -> None:
        super().__init__(fields=[FieldProblem("slug", "choose another one, the platform itself uses this one")])


class VersionLabelTaken(Conflict):
    """The API has a version with this label already; choose another label."""

    def __init__(self, label: str) -> None:
        super().__init__(
            f"The API has a version {label} already; choose another label.",
            fields=[FieldProblem("label", f"choose another one, the API has a version {label}")],
        )


class NoPlanYet(Conflict):
    """The product has no plan that is offered or will be, so nobody could come to call it; create one first."""


class NothingToCall(Conflict):
    """The version's document describes no operation, so there is nothing to call."""


@dataclass(frozen=True, slots=True)
class Api:
    """One described interface within a product."""

    id: str
    slug: str
    title: str
    versions: tuple[Version, ...] = ()


@dataclass(frozen=True, slots=True)
class ProductText:
    """What a product says of itself in one language."""

    language: Language
    title: str
    summary: str


@dataclass(frozen=True, slots=True)
class Description:
    """What a product says of itself and how sensitive it is.

    ``title`` and ``summary`` are in the main language; ``translations`` are in others.
    """

    title: str
    summary: str
    tags: tuple[str, ...]
    sensitivity: Sensitivity
    sensitivity_kinds: tuple[SensitivityKind, ...]
    prerequisites: tuple[Prerequisite, ...]
    main_language: Language = DEFAULT
    translations: tuple[ProductText, ...] = ()
    category_ids: tuple[str, ...] = ()
    when_unchecked: WhenUnchecked = WhenUnchecked.CLOSED

    def __post_init__(self) -> None:
        """Refuse what does not go with the sensitivity, and texts of which two are in one language.

        Raises ``NotConfidential``, ``OpenTestAsksForNothing``, ``AgreementAlwaysNeeded``, ``ConfidentialStaysClosed``,
        ``LanguageTwice`` or ``MainLanguageTwice``.
        """
        require_each_once(self.translations, "texts")
        if any(text.language is self.main_language for text in self.translations):
            raise MainLanguageTwice
        if self.sensitivity is not Sensitivity.CONFIDENTIAL and self.sensitivity_kinds:
            raise NotConfidential
        if self.sensitivity is Sensitivity.OPEN_TEST and self.prerequisites:
            raise OpenTestAsksForNothing
        if self.sensitivity is Sensitivity.CONFIDENTIAL and Prerequisite.AGREEMENT not in self.prerequisites:
            raise AgreementAlwaysNeeded
        if self.sensitivity is Sensitivity.CONFIDENTIAL and self.when_unchecked is WhenUnchecked.OPEN:
            raise ConfidentialStaysClosed

    @property
    def texts(self) -> tuple[ProductText, ...]:
        """Return everything that the product says of itself, the main language first."""
        return (ProductText(self.main_language, self.title, self.summary), *self.translations)

    def text_in(self, language: Language) -> ProductText:
        """Return the text to show to whoever asks for a language."""
        return chosen(self.texts, language, self.main_language)

    def in_main_language(self, language: Language) -> "Description":
        """Return the description with another main language: its text becomes the main one, where there is one."""
        if language is self.main_language:
            return self
        own = next((text for text in self.translations if text.language is language), None)
        if own is None:
            return replace(self, main_language=language)
        others = (text for text in self.texts if text is not own)
        return replace(self, main_language=language, title=own.title, summary=own.summary, translations=in_order(others))


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
            "prerequisites": tuple(each.value for each in self.description.prerequisites),
            "when_unchecked": self.description.when_unchecked.value,
            "titles": {text.language.value: text.title for text in self.description.texts},
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
        return self._with_plan(plan), PlanChanged(**self._announced_plan(plan))

    def withdraw_plan(self, plan: Plan, now: datetime) -> tuple["Product", PlanWithdrawn]:
        """Return the product with a plan withdrawn; who is on it stays on it. Raises ``PlanAlreadyWithdrawn``."""
        withdrawn = plan.withdraw(now)
        return self._with_plan(withdrawn), PlanWithdrawn(**self._announced_plan(withdrawn))

    def plan_told(self, plan: Plan) -> tuple[PlanCreated] | tuple[PlanCreated, PlanWithdrawn]:
        """Return the facts that tell how a plan of it stands."""
        created = PlanCreated(**self._announced_plan(plan))
        if plan.withdrawn_at is None:
            return (created,)
        return created, PlanWithdrawn(**self._announced_plan(plan))

    def _with_plan(self, plan: Plan) -> "Product":
        return replace(self, plans=tuple(plan if each.id == plan.id else each for each in self.plans))

    def _require_free_name(self, plan: Plan) -> None:
        # A plan that was withdrawn leaves its name to another one.
        name = plan.terms.name.casefold()
        others = (each for each in self.plans if each.id != plan.id and each.withdrawn_at is None)
        if any(each.terms.name.casefold() == name for each in others):
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
        if not any(plan.has_future(now) for plan in self.plans):
            raise NoPlanYet
        return self.put(api, version), self.version_told(api, version, operations)

    def version_told(self, api: Api, version: Version, operations: tuple[PublishedOperation, ...]) -> ApiVersionPublished:
        """Return the announcement that a version of it is published."""
        return ApiVersionPublished(**self.announced_version(api, version), operations=operations)

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


def with_agreement(sensitivity: Sensitivity, prerequisites: Iterable[Prerequisite]) -> tuple[Prerequisite, ...]:
    """Return prerequisites in their order, with the agreement that a confidential product asks for by itself."""
    wanted = set(prerequisites)
    if sensitivity is Sensitivity.CONFIDENTIAL:
        wanted.add(Prerequisite.AGREEMENT)
    return tuple(each for each in Prerequisite if each in wanted)
