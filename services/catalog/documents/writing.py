"""From tree to text: JSON, bounded before it is written, since parts that are shared are written out each time."""

from typing import Any

import orjson

from services.catalog.documents.domain import DocumentTooComplex
from services.catalog.documents.references import nodes
from services.catalog.documents.yaml_tree import MAX_DEPTH, MAX_NODES

LARGEST_TEXT = 12 * 1024 * 1024


def write(tree: dict[str, Any]) -> str:
    """Return the tree as JSON, indented where that is not too large. Raises ``DocumentTooComplex``."""
    characters = 0
    for count, (node, _, depth, _) in enumerate(nodes(tree)):
        characters += len(node) if isinstance(node, str) else sum(map(len, node)) if isinstance(node, dict) else 1
        if characters > LARGEST_TEXT or count > MAX_NODES or depth > MAX_DEPTH + 20:
            raise _too_large()
    for option in (orjson.OPT_INDENT_2, 0):
        written = orjson.dumps(tree, option=option)
        if len(written) <= LARGEST_TEXT:
            return written.decode()
    raise _too_large()


def _too_large() -> DocumentTooComplex:
    return DocumentTooComplex(f"Converted into OpenAPI 3 the document is larger than {LARGEST_TEXT:,} bytes.")
