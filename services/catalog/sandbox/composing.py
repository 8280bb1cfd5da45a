"""The sandbox's answers to every operation of a document, composed once, when the document is imported. Pure and bounded."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote
from xml.sax.saxutils import escape as escape_xml

from services.catalog.documents.domain import Document, Operation
from services.catalog.documents.references import follow, pointer, resolve
from services.catalog.sandbox.checking import Checker
from services.catalog.sandbox.domain import Answer
from services.catalog.sandbox.values import Composer

MAX_BODY_BYTES = 256 * 1024
MAX_OPERATION_BYTES = 1024 * 1024
MAX_DOCUMENT_BYTES = 32 * 1024 * 1024
_MOST_EXAMPLES = 20
# The server sets these itself.
_OWN_HEADERS = frozenset(
    ("content-type", "content-length", "transfer-encoding", "connection", "date", "content-encoding", "server")
)


@dataclass(slots=True)
class Composed:
    """Answers by operation id; which operations have answers that their schemas refuse; and whose answers were left out."""

    answers: dict[str, list[Answer]] = field(default_factory=dict)
    unchecked: list[str] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Body:
    example: str | None
    value: Any
    is_kept_to: bool | None


class _Composing:
    """Composes for one document; what several operations share is composed once."""

    def __init__(self, document: Document) -> None:
        self.tree = document.tree
        self._checker = Checker(document.tree, document.openapi_version[:3])
        self._with_examples = Composer(document.tree)
        self._without = Composer(document.tree, uses_examples=False)
        self._known: dict[str, list[tuple[Answer, bool | None]]] = {}

    def operation(self, operation: Operation) -> list[tuple[Answer, bool | None]]:
        """Return an operation's answers, each with whether its schema accepts it (None: there is no saying)."""
        base = _through_items(self.tree, operation)
        _, described = resolve(self.tree, "#" + _quoted(base))
        responses = described.get("responses") if isinstance(described, dict) else None
        answers: list[tuple[Answer, bool | None]] = []
        for statuses, response in (responses or {}).items():
            if not statuses.startswith("x-"):
                place = f"{base}{pointer('responses', statuses)}"
                found, place = _follow_at(self.tree, response, place)
                answers += self._response(str(statuses), found, place)
        return answers or [(Answer("200", None, None, (), b""), None)]

    def _response(self, statuses: str, response: Any, place: str) -> list[tuple[Answer, bool | None]]:
        key = f"{statuses} {place}"
        if key not in self._known:
            self._known[key] = list(self._make(statuses, response if isinstance(response, dict) else {}, place))
        return self._known[key]

    def _make(self, statuses: str, response: dict[str, Any], place: str) -> Iterator[tuple[Answer, bool | None]]:
        headers = self._headers(response.get("headers"))
        content = response.get("content")
        if not isinstance(content, dict) or not content or statuses in ("204", "304") or statuses.startswith("1"):
            yield Answer(statuses, None, None, headers, b""), None
            return
        for media_type, media in content.items():
            shown = _concrete(media_type)
            if shown is None or not isinstance(media, dict):
                continue
            for body in self._bodies(media, f"{place}{pointer('content', media_type)}"):
                yield Answer(statuses, shown, body.example, headers, _written(body.value, shown)), body.is_kept_to

    def _bodies(self, media: dict[str, Any], place: str) -> list[_Body]:
        """Return what the media type's bodies are: its own examples and a composed one, those that keep to the schema first."""
        schema = media.get("schema")
        at = f"{place}/schema" if schema is not None else None
        bodies = [_Body(name, value, self._keeps(at, value)) for name, value in self._own_examples(media)]
        if not any(body.is_kept_to is not False for body in bodies):
            if schema is None:
                bodies.append(_Body(None, "", None))
            else:
                composed = self._composed(schema, at)
                bodies = [composed, *bodies] if composed.is_kept_to is not False else [*bodies, composed]
        return sorted(bodies, key=lambda body: body.is_kept_to is False)

    def _own_examples(self, media: dict[str, Any]) -> Iterator[tuple[str | None, Any]]:
        if "example" in media and _is_short(media["example"]):
            yield None, media["example"]
        examples = media.get("examples")
        for name, example in list(examples.items())[:_MOST_EXAMPLES] if isinstance(examples, dict) else ():
            found = follow(self.tree, example)
            if isinstance(found, dict) and "value" in found and _is_short(found["value"]):
                yield name, found["value"]

    def _composed(self, schema: Any, at: str | None) -> _Body:
        first = self._with_examples.compose(schema)
        if _is_short(first) and self._keeps(at, first) is not False:
            return _Body(None, first, self._keeps(at, first))
        second = self._without.compose(schema)
        if not _is_short(first) or self._keeps(at, second):
            return _Body(None, second, self._keeps(at, second))
        return _Body(None, first, False)

    def _keeps(self, at: str | None, value: Any) -> bool | None:
        return None if at is None else self._checker.accepts(at, value)

    def _headers(self, described: Any) -> tuple[tuple[str, str], ...]:
        made = []
        for name, header in list(described.items())[:_MOST_EXAMPLES] if isinstance(described, dict) else ():
            found = follow(self.tree, header)
            if not isinstance(found, dict) or name.lower() in _OWN_HEADERS or not _is_token(name):
                continue
            value = found["example"] if "example" in found else self._with_examples.compose(found.get("schema"))
            text = _plain(value)
            if text is not None:
                made.append((name.lower(), text))
        return tuple(made)


def _through_items(tree: dict[str, Any], operation: Operation) -> str:
    """Return the pointer of an operation, through the reference that its path item may be."""
    steps = operation.pointer.rsplit("/", 1)
    exists, item = resolve(tree, "#" + _quoted(steps[0]))
    if not exists:
        return operation.pointer
    return f"{_follow_at(tree, item, steps[0])[1]}/{steps[1]}"


def _quoted(text: str) -> str:
    """Return a pointer as it stands in a fragment, where a percent sign begins an escape."""
    return text.replace("%", "%25")


def _follow_at(tree: dict[str, Any], node: Any, place: str) -> tuple[Any, str]:
    """Return what a chain of references ends at, and the pointer of that."""
    for _ in range(32):
        if not isinstance(node, dict) or not isinstance(node.get("$ref"), str):
            break
        place = unquote(node["$ref"].removeprefix("#"))
        node = resolve(tree, node["$ref"])[1]
    return node, place


def _concrete(media_type: str) -> str | None:
    """Return the media type that is answered for one that may be a range, or None for what is no media type."""
    name = media_type.strip()
    if not name.isascii() or not name.isprintable() or "/" not in name or len(name) > 200:
        return None
    kind = name.split(";")[0].strip().lower()
    if kind in ("*/*", "application/*"):
        return "application/json"
    return {"text/*": "text/plain", "image/*": "image/png"}.get(kind, name)


def _is_token(name: str) -> bool:
    return name.isascii() and 0 < len(name) <= 100 and all(sign.isalnum() or sign in "!#$%&'*+-.^_`|~" for sign in name)


def _plain(value: Any) -> str | None:
    """Return a header's value, or None for what does not fit into one."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if not isinstance(value, str | int | float):
        return None
    text = str(value)
    return text.strip() if len(text) <= 500 and text.isascii() and text.isprintable() else None


def _is_json(media_type: str) -> bool:
    kind = media_type.split(";", maxsplit=1)[0].strip().lower()
    return kind.endswith(("/json", "+json"))


def _written(value: Any, media_type: str) -> bytes:
    """Return a value as the media type writes it."""
    if _is_json(media_type):
        return _json(value)
    if isinstance(value, str):
        return value.encode()
    kind = media_type.split(";", maxsplit=1)[0].strip().lower()
    if kind.endswith(("/xml", "+xml")):
        return b'<?xml version="1.0" encoding="UTF-8"?>' + _xml("root", value).encode()
    return b"" if value is None else _json(value)


def _json(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


def _xml(name: str, value: Any) -> str:
    tag = name if name.isidentifier() and name.isascii() else "item"
    if isinstance(value, list):
        return "".join(_xml(name, each) for each in value)
    if isinstance(value, Mapping):
        return f"<{tag}>{''.join(_xml(str(key), each) for key, each in value.items())}</{tag}>"
    text = "" if value is None else str(value).lower() if isinstance(value, bool) else str(value)
    return f"<{tag}>{escape_xml(text)}</{tag}>"


def _is_short(value: Any) -> bool:
    return len(_json(value)) <= MAX_BODY_BYTES


def compose(document: Document) -> Composed:
    """Return the sandbox's answers to all operations of a document, as many as the bounds allow."""
    composing, composed, spent = _Composing(document), Composed(), 0
    for operation in document.operations:
        answers = composing.operation(operation)
        size = _size(answers)
        if size > MAX_OPERATION_BYTES:
            answers = answers[:1]
            size = _size(answers)
        if spent + size > MAX_DOCUMENT_BYTES:
            composed.left_out.append(operation.operation_id)
            continue
        spent += size
        composed.answers[operation.operation_id] = [answer for answer, _ in answers]
        if any(is_kept_to is False for _, is_kept_to in answers):
            composed.unchecked.append(operation.operation_id)
    return composed


def _size(answers: Sequence[tuple[Answer, bool | None]]) -> int:
    return sum(len(answer.body) for answer, _ in answers)
