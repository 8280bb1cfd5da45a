"""What is true of categories: a small tree, named in each language."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from chassis.errors import Conflict, FieldProblem, Invalid
from services.catalog.events import CategoryChanged, CategoryCreated, CategoryRemoved
from services.catalog.texts.domain import Language, chosen, in_order, require_each_once

MOST = 300
DEEPEST = 4


class CategorySlugTaken(Conflict):
    """Another category has this slug already; choose another one."""

    def __init__(self) -> None:
        super().__init__(fields=[FieldProblem("slug", "choose another one, this one is taken")])


class CategoryTooDeep(Invalid):
    """The tree of categories is at most four levels deep; put the category higher up."""

    def __init__(self) -> None:
        super().__init__(fields=[FieldProblem("parent_id", f"choose a parent so that there are at most {DEEPEST} levels")])


class CategoryWithinItself(Invalid):
    """A category cannot stand below itself; choose another parent."""

    def __init__(self) -> None:
        super().__init__(fields=[FieldProblem("parent_id", "choose a category that is not below this one")])


class NoSuchParent(Invalid):
    """The parent is no category; choose one that exists, or none."""

    def __init__(self) -> None:
        super().__init__(fields=[FieldProblem("parent_id", "name a category that exists, or none")])


class NoSuchCategories(Invalid):
    """Some of the categories do not exist; name those that do."""

    def __init__(self, unknown: Iterable[str]) -> None:
        super().__init__(fields=[FieldProblem("categories", f"{each} is no category") for each in unknown])


class CategoryHasChildren(Conflict):
    """Other categories stand below this one; remove or move them first."""


class TooManyCategories(Conflict):
    """There are as many categories as there may be (300); remove one first."""


@dataclass(frozen=True, slots=True)
class CategoryName:
    """What a category is called in one language."""

    language: Language
    name: str


@dataclass(frozen=True, slots=True)
class Category:
    """One category; it stands below ``parent_id``, or at the top."""

    id: str
    slug: str
    names: tuple[CategoryName, ...]
    parent_id: str | None = None

    def __post_init__(self) -> None:
        """Refuse two names in one language. Raises ``LanguageTwice``."""
        require_each_once(self.names, "names")

    def name_in(self, language: Language) -> CategoryName:
        """Return the name to show."""
        return chosen(self.names, language)

    def created(self) -> CategoryCreated:
        """Return the announcement of the category."""
        return CategoryCreated(**self.announced())

    def change(self, other: "Category") -> tuple["Category", CategoryChanged | None]:
        """Return the category as the other one says, and what to announce: nothing where nothing is different."""
        changed = replace(self, slug=other.slug, names=in_order(other.names), parent_id=other.parent_id)
        return changed, None if changed == self else CategoryChanged(**changed.announced())

    def removed(self) -> CategoryRemoved:
        """Return the announcement that the category is gone."""
        return CategoryRemoved(category_id=self.id, slug=self.slug)

    def announced(self) -> dict[str, Any]:
        """Return what announcements tell of the category."""
        names = {each.language.value: each.name for each in self.names}
        return {"category_id": self.id, "slug": self.slug, "parent_id": self.parent_id, "names": names}


class Tree:
    """All categories together."""

    def __init__(self, categories: Iterable[Category]) -> None:
        self.by_id = {category.id: category for category in categories}
        self._children: dict[str | None, list[Category]] = {}
        for category in self.by_id.values():
            self._children.setdefault(category.parent_id, []).append(category)

    def in_order(self) -> list[Category]:
        """Return the categories, each after its parent; what stands below one parent in order of the slugs."""
        ordered: list[Category] = []
        pending = self._below(None)
        while pending:
            category = pending.pop()
            ordered.append(category)
            pending.extend(self._below(category.id))
        return ordered

    def _below(self, parent_id: str | None) -> list[Category]:
        return sorted(self._children.get(parent_id, ()), key=lambda each: each.slug, reverse=True)

    def with_all_below(self, category_id: str) -> frozenset[str]:
        """Return a category's id and those of everything below it; nothing where there is no such category."""
        found: set[str] = set()
        pending = [category_id] if category_id in self.by_id else []
        while pending:
            found.add(pending[-1])
            pending.extend(each.id for each in self._children.get(pending.pop(), ()))
        return frozenset(found)

    def way_up(self, category_id: str | None) -> Sequence[str]:
        """Return the ids from a category to the top."""
        way: list[str] = []
        while category_id is not None and category_id in self.by_id and category_id not in way:
            way.append(category_id)
            category_id = self.by_id[category_id].parent_id
        return way

    def _height(self, category_id: str) -> int:
        return 1 + max((self._height(each.id) for each in self._children.get(category_id, ())), default=0)

    def require_place(self, category: Category) -> None:
        """Refuse a category where it cannot stand.

        Raises ``NoSuchParent``, ``CategoryWithinItself``, ``CategoryTooDeep`` or ``CategorySlugTaken``.
        """
        if any(each.slug == category.slug and each.id != category.id for each in self.by_id.values()):
            raise CategorySlugTaken
        if category.parent_id is None:
            above: Sequence[str] = ()
        elif category.parent_id not in self.by_id:
            raise NoSuchParent
        else:
            above = self.way_up(category.parent_id)
        if category.id in above:
            raise CategoryWithinItself
        if len(above) + self._height(category.id) > DEEPEST:
            raise CategoryTooDeep

    def require_room(self) -> None:
        """Refuse one category more than there may be. Raises ``TooManyCategories``."""
        if len(self.by_id) >= MOST:
            raise TooManyCategories

    def require_no_children(self, category_id: str) -> None:
        """Refuse where something stands below. Raises ``CategoryHasChildren``."""
        if self._children.get(category_id):
            raise CategoryHasChildren


def names_from(rows: Iterable[Mapping[str, Any]]) -> tuple[CategoryName, ...]:
    """Return the names that plain data holds."""
    return tuple(CategoryName(Language(row["language"]), row["name"]) for row in rows)
