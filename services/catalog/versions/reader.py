"""The program that reads one document: text on standard input, what it describes (or why not) as JSON on standard output.

It runs once per document, with limits on its time and memory, knows no address and no secret, and imports neither the database's
driver nor the bus; whatever a document does to it, it does to it alone.
"""

import base64
import gzip
import sys
from typing import Any

import orjson

from services.catalog.documents.domain import Document, DocumentRefused, DocumentTooComplex
from services.catalog.documents.reading import read
from services.catalog.documents.syntax import JSON, YAML
from services.catalog.sandbox.composing import Composed, compose
from services.catalog.sandbox.packing import pack
from services.catalog.versions.bounds import limit


def _outcome(text: str) -> dict[str, Any]:
    try:
        document = read(text)
        composed = compose(document)
    except DocumentRefused as refused:
        return _refusal(refused)
    except (MemoryError, RecursionError):
        return _refusal(DocumentTooComplex())
    return _described(text, document, composed)


def _refusal(refused: DocumentRefused) -> dict[str, Any]:
    troubles = [[each.reason, each.pointer, each.line, each.column] for each in refused.troubles]
    return {"refusal": type(refused).__name__, "message": refused.message, "troubles": troubles}


def _described(text: str, document: Document, composed: Composed) -> dict[str, Any]:
    warnings = list(document.warnings)
    for told, operation_ids in (
        ("The sandbox's answers do not all keep to their own schemas", composed.unchecked),
        ("The sandbox has no answers, because all together are too large", composed.left_out),
    ):
        if operation_ids:
            more = f" and {len(operation_ids) - 5} more" if len(operation_ids) > 5 else ""
            warnings.append(f"{told}: {', '.join(operation_ids[:5])}{more}.")
    return {
        "media_type": document.media_type,
        "openapi_version": document.openapi_version,
        "title": document.title,
        "version": document.version,
        "warnings": warnings,
        "operations": [operation.to_row() for operation in document.operations],
        "answers": {key: base64.b64encode(pack(answers)).decode() for key, answers in composed.answers.items()},
        "text": _packed(text if document.converted is None else document.converted),
        "original": None if document.converted is None else [_packed(text), _media_type(text)],
    }


def _media_type(text: str) -> str:
    return JSON if text.removeprefix("\ufeff").lstrip()[:1] in ("{", "[") else YAML


def _packed(text: str) -> str:
    return base64.b64encode(gzip.compress(text.encode(), 6)).decode()


def main() -> None:
    """Read one document; the arguments are the seconds of computing and the bytes of memory that it may take."""
    seconds, memory_bytes = (int(each) for each in sys.argv[1:3])
    limit(seconds, memory_bytes)
    text = sys.stdin.buffer.read().decode()
    sys.stdout.buffer.write(orjson.dumps(_outcome(text)))


if __name__ == "__main__":
    main()
