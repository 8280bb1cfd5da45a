"""What is true of differences: their kinds, what each says, and when one breaks callers.

The measure is that of a caller who keeps to the earlier document: what it sends must still be taken, and what it gets must be no
more than it was told. So requests must not become narrower, and responses must not become wider.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

RULES = 2
"""Which rules these are; another number where the same two documents would be told to differ otherwise."""
MOST_DIFFERENCES = 1000
MOST_OPERATIONS = 20


class Way(StrEnum):
    """Which way a value travels."""

    REQUEST = "REQUEST"
    RESPONSE = "RESPONSE"


class Kind(StrEnum):
    """What is different."""

    OPERATION_REMOVED = "OPERATION_REMOVED"
    OPERATION_ADDED = "OPERATION_ADDED"
    OPERATION_DEPRECATED = "OPERATION_DEPRECATED"
    OPERATION_ID_CHANGED = "OPERATION_ID_CHANGED"
    SECURITY_ADDED = "SECURITY_ADDED"
    SECURITY_CHANGED = "SECURITY_CHANGED"
    SECURITY_REMOVED = "SECURITY_REMOVED"
    PARAMETER_REMOVED = "PARAMETER_REMOVED"
    PARAMETER_ADDED = "PARAMETER_ADDED"
    REQUIRED_PARAMETER_ADDED = "REQUIRED_PARAMETER_ADDED"
    PARAMETER_BECAME_REQUIRED = "PARAMETER_BECAME_REQUIRED"
    PARAMETER_BECAME_OPTIONAL = "PARAMETER_BECAME_OPTIONAL"
    PARAMETER_STYLE_CHANGED = "PARAMETER_STYLE_CHANGED"
    REQUEST_BODY_REMOVED = "REQUEST_BODY_REMOVED"
    REQUEST_BODY_ADDED = "REQUEST_BODY_ADDED"
    REQUIRED_REQUEST_BODY_ADDED = "REQUIRED_REQUEST_BODY_ADDED"
    REQUEST_BODY_BECAME_REQUIRED = "REQUEST_BODY_BECAME_REQUIRED"
    REQUEST_BODY_BECAME_OPTIONAL = "REQUEST_BODY_BECAME_OPTIONAL"
    RESPONSE_REMOVED = "RESPONSE_REMOVED"
    RESPONSE_ADDED = "RESPONSE_ADDED"
    RESPONSE_HEADER_REMOVED = "RESPONSE_HEADER_REMOVED"
    RESPONSE_HEADER_ADDED = "RESPONSE_HEADER_ADDED"
    MEDIA_TYPE_REMOVED = "MEDIA_TYPE_REMOVED"
    MEDIA_TYPE_ADDED = "MEDIA_TYPE_ADDED"
    TYPE_NARROWED = "TYPE_NARROWED"
    TYPE_WIDENED = "TYPE_WIDENED"
    TYPE_CHANGED = "TYPE_CHANGED"
    ENUM_NARROWED = "ENUM_NARROWED"
    ENUM_WIDENED = "ENUM_WIDENED"
    FORMAT_NARROWED = "FORMAT_NARROWED"
    FORMAT_WIDENED = "FORMAT_WIDENED"
    FORMAT_CHANGED = "FORMAT_CHANGED"
    LIMIT_NARROWED = "LIMIT_NARROWED"
    LIMIT_WIDENED = "LIMIT_WIDENED"
    PATTERN_CHANGED = "PATTERN_CHANGED"
    PROPERTY_REMOVED = "PROPERTY_REMOVED"
    PROPERTY_ADDED = "PROPERTY_ADDED"
    REQUIRED_PROPERTY_ADDED = "REQUIRED_PROPERTY_ADDED"
    PROPERTY_BECAME_REQUIRED = "PROPERTY_BECAME_REQUIRED"
    PROPERTY_BECAME_OPTIONAL = "PROPERTY_BECAME_OPTIONAL"
    OTHER_PROPERTIES_FORBIDDEN = "OTHER_PROPERTIES_FORBIDDEN"
    OTHER_PROPERTIES_ALLOWED = "OTHER_PROPERTIES_ALLOWED"
    RULE_CHANGED = "RULE_CHANGED"
    ALTERNATIVE_REMOVED = "ALTERNATIVE_REMOVED"
    ALTERNATIVE_ADDED = "ALTERNATIVE_ADDED"


_ALWAYS = frozenset(
    {
        Kind.OPERATION_REMOVED,
        # Permissions and scopes name an operation by its id.
        Kind.OPERATION_ID_CHANGED,
        Kind.SECURITY_ADDED,
        Kind.SECURITY_CHANGED,
        Kind.PARAMETER_REMOVED,
        Kind.REQUIRED_PARAMETER_ADDED,
        Kind.PARAMETER_BECAME_REQUIRED,
        Kind.PARAMETER_STYLE_CHANGED,
        Kind.REQUEST_BODY_REMOVED,
        Kind.REQUIRED_REQUEST_BODY_ADDED,
        Kind.REQUEST_BODY_BECAME_REQUIRED,
        Kind.RESPONSE_REMOVED,
        Kind.RESPONSE_HEADER_REMOVED,
        Kind.MEDIA_TYPE_REMOVED,
        Kind.TYPE_CHANGED,
        Kind.FORMAT_CHANGED,
        Kind.PROPERTY_REMOVED,
    }
)
_IN_REQUESTS = frozenset(
    {
        Kind.TYPE_NARROWED,
        Kind.ENUM_NARROWED,
        Kind.FORMAT_NARROWED,
        Kind.LIMIT_NARROWED,
        Kind.PATTERN_CHANGED,
        Kind.RULE_CHANGED,
        Kind.REQUIRED_PROPERTY_ADDED,
        Kind.PROPERTY_BECAME_REQUIRED,
        Kind.OTHER_PROPERTIES_FORBIDDEN,
        Kind.ALTERNATIVE_REMOVED,
    }
)
# That a text may be longer, or an object may have more than is described, is no more than callers have to expect.
_IN_RESPONSES = frozenset(
    {
        Kind.TYPE_WIDENED,
        Kind.ENUM_WIDENED,
        Kind.FORMAT_WIDENED,
        Kind.PROPERTY_BECAME_OPTIONAL,
        Kind.ALTERNATIVE_ADDED,
    }
)


def breaks(kind: Kind, way: Way | None) -> bool:
    """Say whether a difference of this kind breaks callers who keep to the earlier document."""
    return kind in _ALWAYS or (way is Way.REQUEST and kind in _IN_REQUESTS) or (way is Way.RESPONSE and kind in _IN_RESPONSES)


@dataclass(slots=True)
class Difference:
    """One thing that is different: where (a JSON pointer), for which operations, and what it means."""

    kind: Kind
    place: str
    is_in_former: bool
    """Whether ``place`` is in the earlier document: what was removed is in no later one."""
    says: str
    is_breaking: bool
    operations: dict[str, None] = field(default_factory=dict)

    def to_row(self) -> dict[str, Any]:
        """Return it as plain data."""
        named = list(self.operations)
        return {
            "kind": self.kind.value,
            "operation": named[0] if named else None,
            "operations": named[:MOST_OPERATIONS],
            "operations_total": len(named),
            "place": self.place,
            "is_in_former": self.is_in_former,
            "says": self.says,
            "breaking": self.is_breaking,
        }


@dataclass(slots=True)
class Found:
    """What has been found so far, each thing once; bounded, and it knows whether it is everything."""

    differences: dict[tuple[Kind, str, Way | None, str], Difference] = field(default_factory=dict)
    is_complete: bool = True
    noted: int = 0
    operation: str | None = None

    def note(self, kind: Kind, place: str, says: str, *, way: Way | None = None, former: bool = False) -> None:
        """Take a difference of the operation that is looked at; what is shared between operations is one difference."""
        self.noted += 1
        # The same place of a shared schema is described from other operations in other words.
        key = (kind, place, way, "" if way else says)
        known = self.differences.get(key)
        if known is None:
            if len(self.differences) >= MOST_DIFFERENCES:
                self.is_complete = False
                return
            known = self.differences[key] = Difference(kind, place, former, says[:1].upper() + says[1:], breaks(kind, way))
        if self.operation is not None:
            known.operations[self.operation] = None

    def to_row(self) -> dict[str, Any]:
        """Return everything as plain data: what breaks first, each in the order of the documents."""
        rows = [each.to_row() for each in self.differences.values()]
        rows.sort(key=lambda row: not row["breaking"])
        return {"differences": rows, "is_complete": self.is_complete}


def is_breaking(comparison: Mapping[str, Any]) -> bool:
    """Say whether anything in a comparison breaks callers."""
    return any(each["breaking"] for each in comparison["differences"])
