"""The program that judges one file: a header and the bytes on standard input, the finding as JSON on standard output.

It runs once per file, with limits on its time and memory, can write no file, knows no address and no secret, and imports neither
the database's driver nor the bus; whatever a file does to it, it does to it alone.
"""

import asyncio
import base64
import logging
import resource
import sys
from datetime import datetime

import orjson

from services.identity.signatures.anchors import Anchors
from services.identity.signatures.concluding import unjudged
from services.identity.signatures.examining import examine


def _limit(seconds: int, memory_bytes: int) -> None:
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds + 1))
    resource.setrlimit(resource.RLIMIT_AS, (memory_bytes, memory_bytes))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))


def _answer(asked: bytes) -> bytes:
    header, _, content = asked.partition(b"\n")
    told = orjson.loads(header)
    file_name, at = told["file_name"], datetime.fromisoformat(told["at"])
    anchors = Anchors(tuple(base64.b64decode(each) for each in told["anchors"]))
    try:
        finding = asyncio.run(examine(content, file_name, anchors, at))
    except MemoryError:
        finding = unjudged("JUDGING_TOO_LARGE", content, file_name, at)
    except RecursionError:
        finding = unjudged("JUDGING_TOO_LONG", content, file_name, at)
    return orjson.dumps(finding.as_document())


def main() -> None:
    """Judge one file; the arguments are the seconds of computing and the bytes of memory that it may take."""
    logging.disable()  # the libraries tell in their logs what the finding tells
    seconds, memory_bytes = (int(each) for each in sys.argv[1:3])
    _limit(seconds, memory_bytes)
    sys.stdout.buffer.write(_answer(sys.stdin.buffer.read()))


if __name__ == "__main__":
    main()
