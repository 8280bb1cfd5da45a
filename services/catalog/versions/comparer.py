"""The program that compares two documents: both on standard input, what is different as JSON on standard output.

It is to the comparison what ``reader`` is to a document: one process each, with limits, which can harm only itself. Its input is
a line with the length of the first document, and then both, compressed as they are kept.
"""

import gzip
import sys
from typing import Any

import orjson

from services.catalog.differences.operations import Side, compare
from services.catalog.documents import meaning, syntax
from services.catalog.documents.domain import DocumentRefused
from services.catalog.versions.bounds import limit


def _side(packed: bytes) -> Side:
    tree, _ = syntax.read_tree(gzip.decompress(packed).decode())
    return Side(tree, meaning.read_paths(tree).operations)


def _outcome(former: bytes, later: bytes) -> dict[str, Any]:
    try:
        return compare(_side(former), _side(later)).to_row()
    except DocumentRefused as refused:
        return {"refusal": type(refused).__name__, "message": refused.message}
    except (MemoryError, RecursionError):
        return {"refusal": "DocumentTooComplex", "message": "Comparing the documents takes more time or memory than is allowed."}


def main() -> None:
    """Compare two documents; the arguments are the seconds of computing and the bytes of memory that it may take."""
    seconds, memory_bytes = (int(each) for each in sys.argv[1:3])
    limit(seconds, memory_bytes)
    length, _, packed = sys.stdin.buffer.read().partition(b"\n")
    sys.stdout.buffer.write(orjson.dumps(_outcome(packed[: int(length)], packed[int(length) :])))


if __name__ == "__main__":
    main()
