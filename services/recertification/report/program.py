"""The program that makes one report: what is told of a campaign as JSON on standard input, the signed PDF on standard output.

It runs once for each report, with limits on its time and memory, can write no file, and knows neither the database nor the bus.
"""

import logging
import resource
import sys

import orjson

from services.recertification.report.signing import KeyNotUsable, sign
from services.recertification.report.writing import write

KEY_NOT_USABLE = 3


def _limit(seconds: int, memory_bytes: int) -> None:
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds + 1))
    resource.setrlimit(resource.RLIMIT_AS, (memory_bytes, memory_bytes))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))


def main() -> None:
    """Make one report; the arguments are the seconds of computing and the bytes of memory that it may take."""
    logging.disable()
    seconds, memory_bytes = (int(each) for each in sys.argv[1:3])
    _limit(seconds, memory_bytes)
    asked = orjson.loads(sys.stdin.buffer.read())
    paper = write(asked["told"])
    try:
        signed = sign(paper, asked["certificate_file"], asked["key_file"], asked["chain_files"])
    except KeyNotUsable:
        sys.exit(KEY_NOT_USABLE)
    sys.stdout.buffer.write(signed)


if __name__ == "__main__":
    main()
