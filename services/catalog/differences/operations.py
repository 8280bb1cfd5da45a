"""Comparing two documents, operation by operation: parameters, bodies, responses, security."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from services.catalog.differences.domain import Found, Kind, Way
from services.catalog.differences.schemas import Schemas
from services.catalog.differences.security import asks_no_more, ways_in
from services.catalog.differences.shapes import Json, Part, landed
from services.catalog.documents.domain import Operation
from services.catalog.documents.meaning import TEMPLATE
from services.catalog.documents.references import pointer

# What these headers say is described elsewhere in a document.
_NOT_PARAMETERS = frozenset({("header", "accept"), ("header", "content-type"), ("header", "authorization")})
_STYLES = {"query": "form", "cookie": "form", "path": "simple", "header": "simple"}

Tree = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Side:
    """One of the two documents: its tree and its operations."""

    tree: Json
    operations: Sequence[Operation]


def compare(former: Side, later: Side) -> Found:
    """Return what is different between two documents of one API, as callers of the former one see it."""
    found = Found()
    whole = _Documents(former.tree, later.tree, found, Schemas(former.tree, later.tree, found))
    before = {_key(each): each for each in former.operations}
    after = {_key(each): each for each in later.operations}
    for key, operation in before.items():
        found.operation = _called(operation)
        if key not in after:
            found.note(Kind.OPERATION_REMOVED, operation.pointer, f"{_called(operation)} is gone.", former=True)
        else:
            whole.operation(operation, after[key])
    for key, operation in after.items():
        if key not in before:
            found.operation = _called(operation)
            found.note(Kind.OPERATION_ADDED, operation.pointer, f"{_called(operation)} is new.")
    return found


def _key(operation: Operation) -> tuple[str, str]:
    """Return what tells operations apart for callers: what a parameter of a path is called does not."""
    return operation.method.upper(), TEMPLATE.sub("{}", operation.path)


def _called(operation: Operation) -> str:
    return f"{operation.method.upper()} {operation.path}"


@dataclass(slots=True)
class _Documents:
    """Two documents, side by side."""

    former: Json
    later: Json
    found: Found
    schemas: Schemas

    def operation(self, before: Operation, after: Operation) -> None:
        called = _called(before)
        if before.operation_id != after.operation_id:
            says = (
                f"{called} has the id {after.operation_id} now, and had {before.operation_id}: permissions and scopes name it so."
            )
            self.found.note(Kind.OPERATION_ID_CHANGED, after.pointer, says)
        if after.deprecated and not before.deprecated:
            self.found.note(Kind.OPERATION_DEPRECATED, after.pointer, f"{called} is deprecated.")
        old, new = _at(self.former, before.pointer), _at(self.later, after.pointer)
        self._security(old, new, after, called)
        self._parameters(_parameters(self.former, before, old), _parameters(self.later, after, new), called)
        self._request(old, new, called)
        self._responses(old, new, called)

    # ---- Who may call

    def _security(self, old: Part, new: Part, after: Operation, called: str) -> None:
        before, now = ways_in(self.former, old.schema), ways_in(self.later, new.schema)
        around = "/security" if "security" in self.later else after.pointer
        place = f"{after.pointer}/security" if "security" in new.schema else around
        if all(any(asks_no_more(one, other) for one in now) for other in before):
            if not all(any(asks_no_more(one, other) for one in before) for other in now):
                self.found.note(Kind.SECURITY_REMOVED, place, f"{called} can be called with less authorization.")
            return
        kind = Kind.SECURITY_ADDED if {} in before else Kind.SECURITY_CHANGED
        says = "asks for authorization now." if kind is Kind.SECURITY_ADDED else "asks for other or more authorization now."
        self.found.note(kind, place, f"{called} {says}")

    # ---- What is sent

    def _parameters(self, before: Mapping[Any, Part], after: Mapping[Any, Part], called: str) -> None:
        for key, old in before.items():
            new = after.get(key)
            if new is None:
                says = f"{called} does not take {_parameter(old)} any more."
                self.found.note(Kind.PARAMETER_REMOVED, old.place, says, former=True)
            else:
                self._parameter(old, new, called)
        for key, new in after.items():
            if key not in before:
                is_required = _is_required(new)
                says = f"{called} takes {_parameter(new)}{', which is required' if is_required else ''}."
                kind = Kind.REQUIRED_PARAMETER_ADDED if is_required else Kind.PARAMETER_ADDED
                self.found.note(kind, new.place, says)

    def _parameter(self, old: Part, new: Part, called: str) -> None:
        named = _parameter(new)
        if _is_required(new) and not _is_required(old):
            self.found.note(Kind.PARAMETER_BECAME_REQUIRED, new.place, f"{called} requires {named} now.")
        elif _is_required(old) and not _is_required(new):
            self.found.note(Kind.PARAMETER_BECAME_OPTIONAL, new.place, f"{called} does not require {named} any more.")
        if _style(old.schema) != _style(new.schema) or ("content" in old.schema) != ("content" in new.schema):
            self.found.note(Kind.PARAMETER_STYLE_CHANGED, new.place, f"{called} reads {named} in another form.")
        if ("content" in old.schema) == ("content" in new.schema):
            self._described(old, new, Way.REQUEST, named)

    def _request(self, old: Part, new: Part, called: str) -> None:
        before, after = _child(self.former, old, "requestBody"), _child(self.later, new, "requestBody")
        if before is None and after is not None:
            is_required = _is_required(after)
            says = f"{called} takes a body{', which is required' if is_required else ''}."
            kind = Kind.REQUIRED_REQUEST_BODY_ADDED if is_required else Kind.REQUEST_BODY_ADDED
            self.found.note(kind, after.place, says)
        elif before is not None and after is None:
            self.found.note(Kind.REQUEST_BODY_REMOVED, before.place, f"{called} does not take a body any more.", former=True)
        elif before is not None and after is not None:
            if _is_required(after) and not _is_required(before):
                self.found.note(Kind.REQUEST_BODY_BECAME_REQUIRED, after.place, f"{called} requires its body now.")
            elif _is_required(before) and not _is_required(after):
                says = f"{called} does not require its body any more."
                self.found.note(Kind.REQUEST_BODY_BECAME_OPTIONAL, after.place, says)
            self._contents(before, after, Way.REQUEST, "the body")

    # ---- What is answered

    def _responses(self, old: Part, new: Part, called: str) -> None:
        before, after = _statuses(self.former, old), _statuses(self.later, new)
        for status, former in before.items():
            later = after.get(status) or _standing_for(status, after)
            if later is None:
                says = f"{called} does not answer {status} any more."
                self.found.note(Kind.RESPONSE_REMOVED, former.place, says, former=True)
                continue
            self._answer(former, later, called, status)
        for status, later in after.items():
            if status not in before:
                self.found.note(Kind.RESPONSE_ADDED, later.place, f"{called} may answer {status}, too.")
                told = _standing_for(status, before)
                if told is not None:
                    self._answer(told, later, called, status)

    def _answer(self, former: Part, later: Part, called: str, status: str) -> None:
        self._headers(former, later, f"{called} {status}")
        self._contents(former, later, Way.RESPONSE, f"the answer {status}")

    def _headers(self, former: Part, later: Part, called: str) -> None:
        before, after = _headers(self.former, former), _headers(self.later, later)
        for name, old in before.items():
            new = after.get(name)
            if new is None:
                says = f"{called} does not carry the header {name} any more."
                self.found.note(Kind.RESPONSE_HEADER_REMOVED, old.place, says, former=True)
            else:
                self._described(old, new, Way.RESPONSE, f"the header {name}")
        for name, new in after.items():
            if name not in before:
                self.found.note(Kind.RESPONSE_HEADER_ADDED, new.place, f"{called} carries the header {name}.")

    # ---- What both are made of

    def _contents(self, former: Part, later: Part, way: Way, named: str) -> None:
        before, after = _media(self.former, former), _media(self.later, later)
        for media_type, old in before.items():
            taken = _taken_for(media_type, after, way)
            if not taken:
                says = f"{named} is not offered as {media_type} any more."
                self.found.note(Kind.MEDIA_TYPE_REMOVED, old.place, says, way=way, former=True)
            for new in taken:
                self._schema(old, new, way, named)
        for media_type, new in after.items():
            if media_type not in before:
                self.found.note(Kind.MEDIA_TYPE_ADDED, new.place, f"{named} is offered as {media_type}, too.", way=way)

    def _described(self, old: Part, new: Part, way: Way, named: str) -> None:
        """Compare two parameters or headers: by their schemas, or by their one media type."""
        self._schema(old, new, way, named)
        self._contents(old, new, way, named)

    def _schema(self, old: Part, new: Part, way: Way, named: str) -> None:
        if "schema" in old.schema or "schema" in new.schema:
            self.schemas.compare(_schema_in(old), _schema_in(new), way, named)


def _schema_in(part: Part) -> tuple[str, Json]:
    """Return the schema of a body, a parameter or a header with its place; where there is none, anything is allowed there."""
    return (f"{part.place}/schema", part.schema["schema"]) if "schema" in part.schema else (part.place, {})


def _at(tree: Json, place: str) -> Part:
    return landed(tree, Part(place, {"$ref": f"#{quote(place)}"}))


def _child(tree: Json, part: Part, name: str) -> Part | None:
    child = part.schema.get(name)
    return landed(tree, Part(part.place + pointer(name), child)) if isinstance(child, dict) else None


def _children(tree: Json, part: Part, name: str) -> dict[str, Part]:
    named = part.schema.get(name)
    if not isinstance(named, dict):
        return {}
    children = {str(key): landed(tree, Part(part.place + pointer(name, key), child)) for key, child in named.items()}
    return {key: child for key, child in children.items() if isinstance(child.schema, dict)}


def _statuses(tree: Json, part: Part) -> dict[str, Part]:
    return {status: each for status, each in _children(tree, part, "responses").items() if not status.startswith("x-")}


def _standing_for(status: str, described: Mapping[str, Part]) -> Part | None:
    """Return what describes a status that is not named: its range, and for what is no success the default."""
    return described.get(f"{status[:1]}XX") or (None if status.startswith("2") else described.get("default"))


def _headers(tree: Json, part: Part) -> dict[str, Part]:
    return {name.lower(): each for name, each in _children(tree, part, "headers").items() if name.lower() != "content-type"}


def _media(tree: Json, part: Part) -> dict[str, Part]:
    """Return what a body may be written as; how a media type is spelled makes no difference, nor that UTF-8 is named."""
    return {_spelled(name): each for name, each in _children(tree, part, "content").items()}


def _spelled(media_type: str) -> str:
    steps = media_type.replace(" ", "").lower().split(";")
    return ";".join(each for each in steps if each.replace('"', "") != "charset=utf-8")


def _ranges(media_type: str) -> tuple[str, str]:
    return f"{media_type.partition('/')[0]}/*", "*/*"


def _taken_for(media_type: str, later: Mapping[str, Part], way: Way) -> list[Part]:
    """Return what now stands for a media type: itself; a range around it in requests; what is within it in responses."""
    if media_type in later:
        return [later[media_type]]
    if way is Way.REQUEST:
        return [later[each] for each in _ranges(media_type) if each in later][:1]
    return [each for name, each in later.items() if media_type in _ranges(name)]


def _parameters(tree: Json, operation: Operation, part: Part) -> dict[Any, Part]:
    """Return an operation's parameters, those of its path with it; the ones in a path are told apart by their order."""
    order = TEMPLATE.findall(operation.path)
    found: dict[Any, Part] = {}
    around = _at(tree, operation.pointer.rpartition("/")[0])
    for each in (*_listed(tree, around), *_listed(tree, part)):
        place, name = str(each.schema.get("in")), str(each.schema.get("name"))
        if place == "path":
            found[place, order.index(name) if name in order else name] = each
        elif (place, name.lower()) not in _NOT_PARAMETERS:
            found[place, name.lower() if place == "header" else name] = each
    return found


def _listed(tree: Json, part: Part) -> Iterator[Part]:
    listed = part.schema.get("parameters") if isinstance(part.schema, dict) else None
    for index, each in enumerate(listed if isinstance(listed, list) else ()):
        parameter = landed(tree, Part(part.place + pointer("parameters", index), each))
        if isinstance(parameter.schema, dict):
            yield parameter


def _parameter(part: Part) -> str:
    return f'the {part.schema.get("in")} parameter "{part.schema.get("name")}"'


def _is_required(part: Part) -> bool:
    return part.schema.get("required") is True


def _style(parameter: Tree) -> tuple[Any, Any]:
    style = parameter.get("style", _STYLES.get(str(parameter.get("in"))))
    return style, parameter.get("explode", style == "form")
