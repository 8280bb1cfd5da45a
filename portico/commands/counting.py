"""How far a long piece of work has come: a bar on a terminal, plain lines elsewhere."""

import contextlib
import time
from collections.abc import Callable, Iterator

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

LINE_EVERY_SECONDS = 5.0


@contextlib.contextmanager
def counting(doing: str, total: int | None, console: Console | None = None) -> Iterator[Callable[[int, str], None]]:
    """Show what is being done; what is yielded is told how many are done, and where that is."""
    shown_on = console or Console(stderr=True, highlight=False, soft_wrap=True)
    if shown_on.is_terminal:
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
        with Progress(*columns, console=shown_on) as progress:
            task = progress.add_task(doing, total=total)
            yield lambda done, _where: progress.update(task, completed=done)
        return
    lines = _Lines(doing, total, shown_on)
    yield lines.tell


class _Lines:
    def __init__(self, doing: str, total: int | None, console: Console) -> None:
        self._doing = doing
        self._of = "" if total is None else f" of {total}"
        self._console = console
        self._told_at = time.monotonic()

    def tell(self, done: int, where: str) -> None:
        """Print a line now and then, so that a log of it stays short."""
        if time.monotonic() - self._told_at >= LINE_EVERY_SECONDS:
            self._told_at = time.monotonic()
            self._console.print(f"{self._doing}: {done}{self._of}{f', {where}' if where else ''}")
