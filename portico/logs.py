"""Where log lines go: everything that is logged in this process becomes one JSON object a line on one stream."""

import asyncio
import contextlib
import logging
from pathlib import Path
from typing import Any

from chassis.telemetry import log, start_logging

_log = log("portico")


class LogFile:
    """A file of log lines; on a full disk lines are lost, and nothing else fails because of it."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file = path.open("ab", buffering=0)

    def write(self, text: str) -> None:
        """Append text, or lose it."""
        with contextlib.suppress(OSError):
            self._file.write(text.encode(errors="replace"))

    def flush(self) -> None:
        """Nothing is held back."""


class _Forward(logging.Handler):
    """Hands over what libraries log through the standard library."""

    def emit(self, record: logging.LogRecord) -> None:
        """Log the record as our own lines are logged."""
        say = log(record.name)
        say.log(record.levelno, record.getMessage(), exc_info=record.exc_info or None)


def start_logs(level: str, stream: LogFile | None = None) -> None:
    """Set up logging for the whole process."""
    start_logging(level, stream=stream)
    logging.basicConfig(level=max(logging.getLevelNamesMapping()[level], logging.INFO), handlers=[_Forward()], force=True)
    for noisy in ("httpx", "httpcore", "mail.log"):
        logging.getLogger(noisy).setLevel(logging.WARNING)


def log_stray_failures() -> None:
    """Let the running loop log what fails in nobody's hands, instead of printing it over what a person reads."""

    def on_failure(_loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        _log.error("a callback failed", message=context.get("message"), exc_info=context.get("exception"))

    asyncio.get_running_loop().set_exception_handler(on_failure)
