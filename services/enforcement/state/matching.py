"""Which operation a path means: OpenAPI path templates compiled into a tree of segments.

Fixed segments beat templates with fixed parts (``{id}.json``), and these beat plain parameters. A path that matches several
templates means the first that has the method; a path that matches some but none with the method is known, and so are its methods.
"""

import re
from collections.abc import Iterable, Iterator
from typing import NamedTuple
from urllib.parse import unquote

_PARAMETER = re.compile(r"\{[^{}]*\}")
_UNSAFE = re.compile(r"%(?:2f|5c|00)|[\\\x00-\x1f]", re.IGNORECASE)


class Operation(NamedTuple):
    """One operation of a published version."""

    id: str
    method: str
    path: str


class Match(NamedTuple):
    """What a path means: its operation, or the methods it has; neither where it means nothing."""

    operation: Operation | None
    methods: tuple[str, ...] = ()


NOTHING = Match(None)


class _Node:
    """One place in the tree: where its fixed segments and its templates lead, and the operations that end here."""

    __slots__ = ("fixed", "operations", "templates")

    def __init__(self) -> None:
        self.fixed: dict[str, _Node] = {}
        self.templates: list[tuple[str, re.Pattern[str] | None, _Node]] = []
        self.operations: dict[str, Match] = {}

    def towards(self, segment: str) -> "_Node":
        """Return the node that a template's segment leads to, making it where it is missing."""
        if not _PARAMETER.search(segment):
            return self.fixed.setdefault(unquote(segment), _Node())
        shape = _PARAMETER.sub("{}", segment)
        for known, _, node in self.templates:
            if known == shape:
                return node
        node = _Node()
        self.templates.append((shape, _pattern(shape), node))
        self.templates.sort(key=lambda each: -len(each[0]))
        return node

    def all(self) -> Iterator[Operation]:
        """Yield the operations of this place and of all below it."""
        yield from (each.operation for each in self.operations.values() if each.operation is not None)
        for node in (*self.fixed.values(), *(each for _, _, each in self.templates)):
            yield from node.all()

    def ends(self, segments: list[str]) -> Iterable["_Node"]:
        """Return the nodes where these segments end, the most particular first."""
        node = self
        for depth, segment in enumerate(segments):
            following = node.fixed.get(segment)
            templates = node.templates
            if templates:
                # Where a segment can mean but one thing, as nearly everywhere, there is nothing to go back to.
                if following is not None or len(templates) > 1:
                    return node.among_several(segments, depth)
                _, pattern, following = templates[0]
                if not segment or (pattern is not None and pattern.fullmatch(segment) is None):
                    return ()
            if following is None:
                return ()
            node = following
        return (node,)

    def among_several(self, segments: list[str], depth: int) -> Iterator["_Node"]:
        """Yield the same from here on, where a segment can mean several things."""
        length, waiting = len(segments), [(self, depth)]
        while waiting:
            node, depth = waiting.pop()
            if depth == length:
                yield node
                continue
            segment = segments[depth]
            if segment:
                for _, pattern, following in reversed(node.templates):
                    if pattern is None or pattern.fullmatch(segment):
                        waiting.append((following, depth + 1))
            if segment in node.fixed:
                waiting.append((node.fixed[segment], depth + 1))


def _pattern(shape: str) -> re.Pattern[str] | None:
    if shape == "{}":
        return None
    return re.compile(".+?".join(re.escape(unquote(part)) for part in shape.split("{}")), re.DOTALL)


class Matcher:
    """The operations of one version, ready to be asked."""

    __slots__ = ("_fixed", "_root")

    def __init__(self, operations: Iterable[Operation]) -> None:
        self._root = _Node()
        # Paths without parameters are the commonest: one look finds them.
        self._fixed: dict[tuple[str, str], Match] = {}
        for operation in operations:
            self._add(operation._replace(method=operation.method.upper()))

    def _add(self, operation: Operation) -> None:
        node = self._root
        for segment in operation.path.removeprefix("/").split("/"):
            node = node.towards(segment)
        node.operations.setdefault(operation.method, Match(operation))
        if not _PARAMETER.search(operation.path) and "%" not in operation.path:
            path = "/" + operation.path.removeprefix("/")
            self._fixed.setdefault((operation.method, path), Match(operation))

    def find(self, method: str, path: str) -> Match:
        """Return what a method and a path (as sent, percent-encoded, without the version's base path) mean."""
        known = self._fixed.get((method, path))
        if known is not None:
            return known
        is_escaped = "%" in path
        if (is_escaped or "\\" in path or not path.isprintable()) and _UNSAFE.search(path):
            return NOTHING
        segments = path.removeprefix("/").split("/")
        if is_escaped:
            segments = [unquote(each) for each in segments]
        if "." in segments or ".." in segments or path.startswith("//"):
            return NOTHING
        methods: dict[str, None] = {}
        for node in self._root.ends(segments):
            match = node.operations.get(method)
            if match is not None:
                return match
            methods.update(dict.fromkeys(node.operations))
        return Match(None, tuple(sorted(methods)))

    def named(self, operation_id: str) -> Operation | None:
        """Return the operation with this id."""
        return next((each for each in self._root.all() if each.id == operation_id), None)
