"""YAML as a tree of plain JSON values, built from the parser's events with bounds; and the places of nodes in a text.

Scalars are read by the core schema of YAML 1.2 (``yes``, ``on`` and dates are strings; keys are always strings), because
an OpenAPI document means the same in JSON. Aliases share what they name; the size of the tree counts them in full.
"""

import math
import re
from collections.abc import Iterator
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from typing import Any

import yaml

from services.catalog.documents.domain import DocumentNotReadable, Trouble
from services.catalog.documents.references import escape

MAX_DEPTH = 100
MAX_NODES = 1_500_000
_TAG = "tag:yaml.org,2002:"
_INTEGER = re.compile(r"[-+]?[0-9]{1,300}")
_BASED = re.compile(r"0o[0-7]{1,100}|0x[0-9a-fA-F]{1,100}")
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?")
_NO_NUMBER = re.compile(r"[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)")
_WORDS: dict[str, Any] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}


@dataclass(slots=True)
class _Open:
    """A mapping or sequence whose end has not come yet."""

    value: Any
    anchor: str | None
    key: str | None = None
    size: int = 1
    merged: list[dict[str, Any]] = field(default_factory=list)
    is_merging: bool = False


def _refuse(reason: str, mark: Any) -> DocumentNotReadable:
    return DocumentNotReadable(troubles=[Trouble(reason, line=mark.line + 1, column=mark.column + 1)])


def events(text: str) -> Iterator[Any]:
    """Go through the parser's events. Raises ``DocumentNotReadable`` with line and column."""
    try:
        yield from yaml.parse(text, Loader=yaml.CSafeLoader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        reason = " ".join(part for part in (error.context, error.problem) if part)
        raise _refuse(reason, mark) if mark else DocumentNotReadable(reason) from error
    except yaml.reader.ReaderError as error:
        before = text[: error.position]
        column = error.position - before.rfind("\n")
        raise DocumentNotReadable(
            troubles=[Trouble("the text holds a character that YAML does not allow", line=before.count("\n") + 1, column=column)]
        ) from error
    except yaml.YAMLError as error:
        raise DocumentNotReadable(str(error)) from error


class _Builder:
    """Builds one tree."""

    def __init__(self) -> None:
        self.root: Any = None
        self._stack: list[_Open] = []
        self._anchors: dict[str, tuple[Any, int]] = {}
        self._open_anchors: set[str] = set()
        self._documents = 0

    def take(self, event: Any) -> None:
        """Take the next event."""
        if isinstance(event, yaml.ScalarEvent):
            self._scalar(event)
        elif isinstance(event, yaml.MappingStartEvent | yaml.SequenceStartEvent):
            self._begin(event)
        elif isinstance(event, yaml.MappingEndEvent | yaml.SequenceEndEvent):
            self._end(event)
        elif isinstance(event, yaml.AliasEvent):
            self._alias(event)
        elif isinstance(event, yaml.DocumentStartEvent):
            self._documents += 1
            if self._documents > 1:
                raise _refuse("a second document begins here; upload one at a time", event.start_mark)

    def _scalar(self, event: Any) -> None:
        if self._expects_key():
            self._take_key(event)
            return
        value = _to_value(event)
        if event.anchor:
            self._anchors[event.anchor] = (value, 1)
        self._place(value, 1, event)

    def _expects_key(self) -> bool:
        return bool(self._stack) and isinstance(self._stack[-1].value, dict) and self._stack[-1].key is None

    def _take_key(self, event: Any) -> None:
        inside = self._stack[-1]
        key = event.value
        if key in inside.value:
            raise _refuse(f'the key "{key[:80]}" stands here for the second time', event.start_mark)
        if event.anchor:
            self._anchors[event.anchor] = (key, 1)
        inside.is_merging = key == "<<" and not event.style
        inside.key = key

    def _begin(self, event: Any) -> None:
        is_mapping = isinstance(event, yaml.MappingStartEvent)
        if self._expects_key():
            raise _refuse("a key is a string, not a mapping or a list", event.start_mark)
        if event.tag and event.tag not in ("!", _TAG + ("map" if is_mapping else "seq")):
            raise _refuse(f"the tag {event.tag[:80]} is not known here", event.start_mark)
        if len(self._stack) >= MAX_DEPTH:
            raise _refuse(f"the document is nested more than {MAX_DEPTH} levels deep", event.start_mark)
        if event.anchor:
            self._open_anchors.add(event.anchor)
        self._stack.append(_Open({} if is_mapping else [], event.anchor))

    def _end(self, event: Any) -> None:
        done = self._stack.pop()
        for merged in done.merged:
            for key, value in merged.items():
                done.value.setdefault(key, value)
        if done.anchor:
            self._open_anchors.discard(done.anchor)
            self._anchors[done.anchor] = (done.value, done.size)
        self._place(done.value, done.size, event)

    def _alias(self, event: Any) -> None:
        if event.anchor in self._open_anchors:
            raise _refuse(f"*{event.anchor} stands within what it names", event.start_mark)
        if event.anchor not in self._anchors:
            raise _refuse(f"nothing is named &{event.anchor} before this", event.start_mark)
        value, size = self._anchors[event.anchor]
        if self._expects_key():
            raise _refuse("a key is written out, not named by an alias", event.start_mark)
        self._place(value, size, event)

    def _place(self, value: Any, size: int, event: Any) -> None:
        if not self._stack:
            self.root = value
            return
        inside = self._stack[-1]
        inside.size += size
        if inside.size > MAX_NODES:
            raise _refuse(f"the document has more than {MAX_NODES:,} values, aliases counted in full", event.start_mark)
        if isinstance(inside.value, list):
            inside.value.append(value)
        elif inside.is_merging:
            self._merge(inside, value, event)
        else:
            assert inside.key is not None
            inside.value[inside.key] = value
        inside.key = None
        inside.is_merging = False

    def _merge(self, inside: _Open, value: Any, event: Any) -> None:
        sources = value if isinstance(value, list) else [value]
        if not all(isinstance(each, dict) for each in sources):
            raise _refuse("<< merges mappings alone", event.start_mark)
        inside.merged += sources


def _to_value(event: Any) -> Any:
    tag = event.tag
    if tag and tag not in ("!", *(_TAG + each for each in ("str", "int", "float", "bool", "null"))):
        raise _refuse(f"the tag {tag[:80]} is not known here", event.start_mark)
    text: str = event.value
    if not event.implicit[0] and (tag is None or tag in ("!", _TAG + "str")):
        return text
    if text in _WORDS:
        return _WORDS[text]
    if _INTEGER.fullmatch(text):
        return int(text)
    if _BASED.fullmatch(text):
        return int(text, 0)
    if _FLOAT.fullmatch(text):
        number = float(text)
        if not math.isfinite(number):
            raise _refuse("the number is too great", event.start_mark)
        return number
    if _NO_NUMBER.fullmatch(text):
        raise _refuse(f"{text} is not a number in JSON: put it between quotation marks if it is a text", event.start_mark)
    return text


def build(text: str) -> Any:
    """Return the tree of a YAML text. Raises ``DocumentNotReadable`` with line and column."""
    builder = _Builder()
    for event in events(text):
        builder.take(event)
    return builder.root


@dataclass(slots=True)
class _Level:
    """Where a walk through the events stands within one mapping or sequence."""

    pointer: str
    is_mapping: bool
    index: int = 0
    key: str | None = None
    key_mark: Any = None


def locate(text: str, pointers: AbstractSet[str]) -> dict[str, tuple[int, int]]:
    """Return line and column (from 1) of the nodes at these JSON pointers, of a member its key's; what is not found is left out.

    A pointer into what an alias stands for is not found. JSON is read as the YAML that it almost always is.
    """
    found: dict[str, tuple[int, int]] = {}
    levels: list[_Level] = []
    try:
        for event in events(text):
            if isinstance(event, yaml.MappingEndEvent | yaml.SequenceEndEvent):
                levels.pop()
                continue
            if not isinstance(event, yaml.NodeEvent) or _is_key(levels, event):
                continue
            pointer, mark = _step(levels, event)
            if pointer in pointers and pointer not in found:
                found[pointer] = (mark.line + 1, mark.column + 1)
                if len(found) == len(pointers):
                    break
            if isinstance(event, yaml.MappingStartEvent | yaml.SequenceStartEvent):
                levels.append(_Level(pointer, isinstance(event, yaml.MappingStartEvent)))
    except DocumentNotReadable:
        return found
    return found


def _is_key(levels: list[_Level], event: Any) -> bool:
    if not levels or not levels[-1].is_mapping or levels[-1].key is not None:
        return False
    levels[-1].key = str(getattr(event, "value", ""))
    levels[-1].key_mark = event.start_mark
    return True


def _step(levels: list[_Level], event: Any) -> tuple[str, Any]:
    if not levels:
        return "", event.start_mark
    level = levels[-1]
    if level.is_mapping:
        assert level.key is not None
        pointer, mark = f"{level.pointer}/{escape(level.key)}", level.key_mark
        level.key = None
        return pointer, mark
    level.index += 1
    return f"{level.pointer}/{level.index - 1}", event.start_mark
