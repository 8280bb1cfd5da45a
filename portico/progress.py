"""What a person sees while the platform starts: each step with its time, a spinner on a terminal, plain lines elsewhere."""

import contextlib
import time
from collections.abc import Callable, Iterator

from rich.console import Console


class Progress:
    """Tells a person at the command line what happens."""

    def __init__(self, console: Console | None = None) -> None:
        self._console = console or Console(highlight=False, soft_wrap=True)
        self._began_at = time.monotonic()

    @property
    def seconds(self) -> float:
        """Return the time since the beginning."""
        return time.monotonic() - self._began_at

    @contextlib.contextmanager
    def step(self, doing: str) -> Iterator[Callable[[str], None]]:
        """Show that something is being done and how long it took; what is yielded tells how far it has come."""
        began_at = time.monotonic()
        spinner = self._console.status(f"{doing} …") if self._console.is_terminal else None

        def tell(how_far: str) -> None:
            if spinner is not None:
                spinner.update(f"{how_far} …")

        with spinner or contextlib.nullcontext():
            yield tell
        self._console.print(f"  [green]✓[/] {doing} [dim]{time.monotonic() - began_at:.1f} s[/]")

    def say(self, sentence: str) -> None:
        """Print a sentence."""
        self._console.print(sentence)

    def warn(self, sentence: str) -> None:
        """Print a sentence that wants attention."""
        self._console.print(f"[yellow]![/] {sentence}")

    def addresses(self, rows: list[tuple[str, str]]) -> None:
        """Print names and addresses in two columns."""
        width = max(len(name) for name, _ in rows)
        for name, address in rows:
            self._console.print(f"  {name:<{width}}   [bold]{address}[/]", soft_wrap=True)
