"""Comparing two schemas: what one allows and the other does not, all the way down, and round every circle once."""

from dataclasses import dataclass, field, replace

from services.catalog.differences.domain import Found, Kind, Way
from services.catalog.differences.shapes import (
    EXCLUSIVE,
    LIMITS,
    TYPES,
    Json,
    Limit,
    Part,
    Parts,
    Shape,
    flattened,
    landed,
    part_at,
    shape_of,
    stands_alone,
)

_DEEPEST = 60
_MOST_VISITS = 600_000  # of schemas and properties
_SHOWN = 5
# Formats of which the first allows nothing that the second does not.
_NARROWER = {
    *(("int32", "int64"), ("int32", "double"), ("float", "double")),
    *(("email", "idn-email"), ("hostname", "idn-hostname"), ("uri", "iri"), ("uri", "uri-reference"), ("iri", "iri-reference")),
}

Pair = tuple[tuple[str, ...], tuple[str, ...], Way]


@dataclass(slots=True)
class Schemas:
    """Compares schemas of two trees, and notes what it finds."""

    former: Json
    later: Json
    found: Found
    visits: int = 0
    _seen: set[Pair] = field(default_factory=set)
    # Pairs below which nothing is different: they are not looked at again for another operation.
    _same: set[Pair] = field(default_factory=set)
    _shapes: dict[tuple[bool, tuple[str, ...]], Shape] = field(default_factory=dict)

    def compare(self, former: tuple[str, Json], later: tuple[str, Json], way: Way, named: str) -> None:
        """Compare two schemas, each with its place; ``named`` is what they describe."""
        noted = self.found.noted
        self._seen = set()
        self._pair(part_at(*former), part_at(*later), way, (named, 0))
        if self.found.noted == noted:
            self._same |= self._seen

    def _pair(self, former: Parts, later: Parts, way: Way, at: tuple[str, int]) -> None:
        pair = (_identity(self.former, former), _identity(self.later, later), way)
        if pair in self._seen or pair in self._same:
            return
        self._seen.add(pair)
        self.visits += 1
        named, depth = at
        if depth > _DEEPEST or self.visits > _MOST_VISITS:
            self.found.is_complete = False
            return
        before, after = self._shape(self.former, former, pair[0]), self._shape(self.later, later, pair[1])
        self.visits += len(before.properties) + len(after.properties)
        _Pair(self, before, after, way, named=named, depth=depth, places=(former[0].place, later[0].place)).compare(former, later)

    def is_anything(self, parts: Parts, *, former: bool) -> bool:
        """Say whether a schema of one of the two trees asks nothing of values."""
        tree = self.former if former else self.later
        shape = self._shape(tree, parts, _identity(tree, parts))
        return replace(shape, places={}) == Shape()

    def _shape(self, tree: Json, parts: Parts, identity: tuple[str, ...]) -> Shape:
        key = (tree is self.former, identity)
        shape = self._shapes.get(key)
        if shape is None:
            shape = self._shapes[key] = shape_of(tree, parts)
        return shape


def _identity(tree: Json, parts: Parts) -> tuple[str, ...]:
    # What stands beside a reference makes it another schema.
    return tuple(landed(tree, part).place if stands_alone(tree, part) else part.place for part in parts)


@dataclass(slots=True)
class _Pair:
    """Two shapes, side by side."""

    whole: Schemas
    before: Shape
    after: Shape
    way: Way
    named: str
    depth: int
    places: tuple[str, str]

    def compare(self, former: Parts, later: Parts) -> None:
        if self._is_choice_of(self.before) != self._is_choice_of(self.after):
            self._choices(former, later)
            return
        self._types()
        self._enums()
        self._formats()
        self._limits()
        self._patterns()
        self._rules()
        self._properties()
        self._others()
        self._choices(former, later)
        self._each("items", self.before.items, self.after.items, f"each item of {self.named}")

    def _note(self, kind: Kind, says: str, *, keyword: str = "", place: str | None = None, former: bool = False) -> None:
        shape, otherwise = (self.before, self.places[0]) if former else (self.after, self.places[1])
        at = place if place is not None else shape.place_of(keyword, otherwise)
        self.whole.found.note(kind, at, f"{self.named} {says}", way=self.way, former=former)

    def _below(self, former: Parts, later: Parts, named: str) -> None:
        self.whole._pair(former, later, self.way, (named, self.depth + 1))  # noqa: SLF001 - the two are one walk

    def _types(self) -> None:
        before, after = _all_types(self.before), _all_types(self.after)
        if before == after:
            return
        says = f"is {_types(after)} now, and was {_types(before)}."
        kind = Kind.TYPE_WIDENED if before < after else Kind.TYPE_NARROWED if after < before else Kind.TYPE_CHANGED
        self._note(kind, says, keyword="type")

    def _enums(self) -> None:
        before, after = self.before.enum, self.after.enum
        if before is None and after is None:
            return
        if before is None or after is None:
            kind, says = (
                (Kind.ENUM_NARROWED, "takes only certain values now.")
                if before is None
                else (Kind.ENUM_WIDENED, "is not bound to certain values any more.")
            )
            self._note(kind, says, keyword="enum")
            return
        removed, added = [each for each in before if each not in after], [each for each in after if each not in before]
        if removed:
            self._note(Kind.ENUM_NARROWED, f"does not have the value{_list(removed)} any more.", keyword="enum")
        if added:
            self._note(Kind.ENUM_WIDENED, f"has the further value{_list(added)}.", keyword="enum")

    def _formats(self) -> None:
        before, after = self.before.formats, self.after.formats
        if set(before) == set(after):
            return
        old, new = "/".join(before) or "any", "/".join(after) or "any"
        if not before or (len(before) == len(after) == 1 and (after[0], before[0]) in _NARROWER):
            kind = Kind.FORMAT_NARROWED
        elif not after or (len(before) == len(after) == 1 and (before[0], after[0]) in _NARROWER):
            kind = Kind.FORMAT_WIDENED
        else:
            kind = Kind.FORMAT_CHANGED
        self._note(kind, f"has the format {new} now, and had {old}.", keyword="format", former=not after)

    def _limits(self) -> None:
        for keyword, sign in LIMITS.items():
            old, new = self.before.limits.get(keyword), self.after.limits.get(keyword)
            if old == new:
                continue
            is_narrower = old is None or (new is not None and (new < old if sign > 0 else new > old))
            kind = Kind.LIMIT_NARROWED if is_narrower else Kind.LIMIT_WIDENED
            shown = "no" if new is None else f"{_limit(new)} as its"
            shape = self.before if new is None else self.after
            self._note(
                kind,
                f"has {shown} {keyword} now{'' if old is None else f', and had {_limit(old)}'}.",
                keyword=keyword if keyword in shape.places else EXCLUSIVE.get(keyword, keyword),
                former=new is None,
            )

    def _patterns(self) -> None:
        if set(self.before.patterns) == set(self.after.patterns):
            return
        if not self.after.patterns:
            self._note(Kind.LIMIT_WIDENED, "does not keep to a pattern any more.", keyword="pattern", former=True)
            return
        self._note(Kind.PATTERN_CHANGED, "keeps to another pattern now.", keyword="pattern")

    def _rules(self) -> None:
        """Note rules that are not understood any further: a caller may not keep to a new or another one."""
        for keyword in dict.fromkeys((*self.before.rules, *self.after.rules)):
            old, new = self.before.rules.get(keyword), self.after.rules.get(keyword)
            if new is None:
                self._note(Kind.LIMIT_WIDENED, f'does not have the rule "{keyword}" any more.', keyword=keyword, former=True)
            elif old != new:
                self._note(Kind.RULE_CHANGED, f'has another rule "{keyword}" now.', keyword=keyword)

    def _properties(self) -> None:
        before, after = self._sent(self.before, self.whole.former), self._sent(self.after, self.whole.later)
        for name, former in before.items():
            later = after.get(name)
            if later is None:
                says = f'does not have the property "{name}" any more.'
                self._note(Kind.PROPERTY_REMOVED, says, place=former[0].place, former=True)
            else:
                self._required(name, later[0].place)
                self._below(former, later, self._deeper(name))
        for name, later in after.items():
            if name not in before:
                self._added(name, later[0].place)
        for name, place in (self.before.required | self.after.required).items():
            if name not in self.after.properties and name not in self.before.properties:
                self._required(name, place)

    def _sent(self, shape: Shape, tree: Json) -> dict[str, Parts]:
        """Return the properties that travel this way: not what is only read in requests, or only written in responses."""
        keyword = "readOnly" if self.way is Way.REQUEST else "writeOnly"
        return {
            name: parts
            for name, parts in shape.properties.items()
            if not any(part.schema.get(keyword) is True for part in flattened(tree, parts))
        }

    def _deeper(self, name: str) -> str:
        if self.depth < 2:
            return f'"{name}" of {self.named}'
        return f'"{name}" below {self.named.rsplit(" below ", 1)[-1]}'

    def _added(self, name: str, place: str) -> None:
        if name in self.after.required and (name in self.before.properties or name not in self.before.required):
            self._note(Kind.REQUIRED_PROPERTY_ADDED, f'has the further property "{name}", which is required.', place=place)
        else:
            self._note(Kind.PROPERTY_ADDED, f'has the further property "{name}".', place=place)

    def _required(self, name: str, place: str) -> None:
        was, is_now = name in self.before.required, name in self.after.required
        if is_now and not was:
            self._note(Kind.PROPERTY_BECAME_REQUIRED, f'requires the property "{name}" now.', place=place)
        elif was and not is_now:
            self._note(Kind.PROPERTY_BECAME_OPTIONAL, f'does not always have the property "{name}" any more.', place=place)

    def _others(self) -> None:
        before, after = self.before, self.after
        if after.closed_at is not None and before.closed_at is None:
            self._note(Kind.OTHER_PROPERTIES_FORBIDDEN, "takes no properties that are not named any more.", place=after.closed_at)
        elif before.closed_at is not None and after.closed_at is None:
            self._note(
                Kind.OTHER_PROPERTIES_ALLOWED, "may have properties that are not named now.", place=before.closed_at, former=True
            )
        if before.closed_at is None and after.closed_at is None:
            self._each("additionalProperties", before.others, after.others, f"each further property of {self.named}")

    def _each(self, keyword: str, before: Parts, after: Parts, named: str) -> None:
        """Compare what is asked of each of many values; where nothing is, whatever is asked on the other side is more."""
        kind = "array" if keyword == "items" else "object"
        if kind not in _all_types(self.before) & _all_types(self.after):
            return
        if before and after:
            self._below(before, after, named)
        elif after and not self.whole.is_anything(after, former=False):
            self._note(Kind.RULE_CHANGED, f'has a rule for "{keyword}" now: {named} has to keep to it.', keyword=keyword)
        elif before and not self.whole.is_anything(before, former=True):
            says = f'does not have a rule for "{keyword}" any more: {named} can be anything.'
            self._note(Kind.TYPE_WIDENED, says, keyword=keyword, former=True)

    @staticmethod
    def _is_choice_of(shape: Shape) -> bool:
        """Say whether it is a choice and nothing else."""
        return len(shape.choices) == 1 and not (shape.properties or shape.types or shape.items or shape.enum)

    def _choices(self, former: Parts, later: Parts) -> None:
        before, after = list(self.before.choices), list(self.after.choices)
        # One thing that became a choice of several, or the other way round.
        if not before and self._is_choice_of(self.after):
            before = [former]
        elif not after and self._is_choice_of(self.before):
            after = [later]
        if len(before) != len(after):
            is_less = len(after) < len(before)
            kind, says = (
                (Kind.ALTERNATIVE_ADDED, "is bound to fewer alternatives now.")
                if is_less
                else (Kind.RULE_CHANGED, "is bound to more alternatives now.")
            )
            places = self.before.places if is_less else self.after.places
            self._note(kind, says, keyword="oneOf" if "oneOf" in places else "anyOf", former=is_less)
        for old, new in zip(before, after, strict=False):
            self._choice(old, new)

    def _choice(self, former: tuple[Part, ...], later: tuple[Part, ...]) -> None:
        pairs, removed, added = _paired(self.whole, former, later)
        for old, new in pairs:
            self._told_apart(old, new)
            self._below((old,), (new,), self.named)
        for each in removed:
            self._note(
                Kind.ALTERNATIVE_REMOVED,
                f"is not one of its alternatives any more: {_called(each)}.",
                place=each.place,
                former=True,
            )
        for each in added:
            self._note(Kind.ALTERNATIVE_ADDED, f"has a further alternative: {_called(each)}.", place=each.place)

    def _told_apart(self, old: Part, new: Part) -> None:
        """Note that an alternative is told from the others by other values than before."""
        before, after = self.before.values_for(old), self.after.values_for(new)
        if before is None or after is None or before == after:
            return
        name, was = self.after.told_by, self.before.told_by
        if name != was:
            says = f'is told by the property "{name}" now, and was told by "{was}".'
            self._note(Kind.RULE_CHANGED, says, keyword="discriminator")
        removed, added = sorted(before - after), sorted(after - before)
        if removed:
            self._note(Kind.ENUM_NARROWED, f'does not have the value{_list(removed)} of "{was}" any more.', place=new.place)
        if added:
            self._note(Kind.ENUM_WIDENED, f'has the further value{_list(added)} of "{name}".', place=new.place)


def _limit(limit: Limit) -> str:
    value, side = limit
    return f"{str(value).removesuffix('.0')}{' (exclusive)' if side else ''}"


def _all_types(shape: Shape) -> frozenset[str]:
    if shape.types is not None:
        return shape.types
    return frozenset(TYPES)


def _types(types: frozenset[str]) -> str:
    if types == frozenset(TYPES):
        return "of any type"
    shown = sorted(types - {"integer"} if "number" in types else types)
    return " or ".join(shown) or "of no type"


def _list(values: list[str]) -> str:
    shown = ", ".join(value[:80] for value in values[:_SHOWN])
    return f"{'s' if len(values) > 1 else ''} {shown}" + (f" and {len(values) - _SHOWN} more" if len(values) > _SHOWN else "")


def _called(part: Part) -> str:
    """Return what an alternative is called: its reference, its title, or its number."""
    schema = part.schema if isinstance(part.schema, dict) else {}
    named = schema.get("$ref") or schema.get("title")
    return str(named).rsplit("/", 1)[-1][:80] if named else f"number {part.place.rsplit('/', 1)[-1]}"


def _paired(
    whole: Schemas, former: tuple[Part, ...], later: tuple[Part, ...]
) -> tuple[list[tuple[Part, Part]], list[Part], list[Part]]:
    """Return which alternatives are the same ones, and which have no counterpart.

    The same are those that refer to the same place or have the same title; of the others the first is taken for the first, and so
    on, unless there are more on one side.
    """
    names = {_name(whole.later, each): each for each in later}
    pairs = [(each, names.pop(_name(whole.former, each))) for each in former if _name(whole.former, each) in names]
    taken = {id(each) for pair in pairs for each in pair}
    removed, added = _left(former, taken), _left(later, taken)
    if len(removed) == len(added):
        return pairs + list(zip(removed, added, strict=True)), [], []
    return pairs, removed, added


def _left(parts: tuple[Part, ...], taken: set[int]) -> list[Part]:
    return [each for each in parts if id(each) not in taken]


def _name(tree: Json, part: Part) -> str:
    schema = part.schema if isinstance(part.schema, dict) else {}
    if "$ref" in schema or (part.place.startswith("/components/schemas/") and part.place.count("/") == 3):
        return landed(tree, part).place
    title = schema.get("title")
    return f"title {title}" if isinstance(title, str) else f"what it says {_said(schema)}"


def _said(schema: Json) -> str:
    return repr(sorted((key, repr(value)) for key, value in schema.items()))
