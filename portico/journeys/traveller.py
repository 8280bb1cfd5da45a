"""What every journey stands on: the traveller with what they have gathered, steps that are printed, expectations."""

import collections
import contextlib
import time
from collections.abc import Awaitable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import httpx
from rich.console import Console

from portico.foreign import Graph, Mailbox, Refused


class Mismatch(Exception):  # noqa: N818 - named as the fact that it reports
    """Something is not as the journey expects it."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where the platform is, and the demonstration provider's account (to see what no consumer can be blamed for)."""

    gateway: str
    data_plane: str
    mailbox: str
    provider_email: str
    provider_password: str


@dataclass(slots=True)
class Traveller:
    """What the journey has gathered on its way."""

    place: Place
    http: httpx.AsyncClient
    console: Console
    shows: bool
    mailbox: Mailbox = field(init=False)
    owner: Graph = field(init=False)
    email: str = ""
    organization_id: str = ""
    product: dict[str, Any] = field(default_factory=dict)
    application: dict[str, Any] = field(default_factory=dict)
    client_secret: str = ""
    token: str = ""
    # How many calls the client made and what came back: (operation, status) -> number.
    counted: collections.Counter[tuple[str, int]] = field(default_factory=collections.Counter)
    blamed_on_nobody: collections.Counter[tuple[str, int]] = field(default_factory=collections.Counter)
    nobody_before: collections.Counter[tuple[str, int]] = field(default_factory=collections.Counter)
    began_at: datetime = field(default_factory=lambda: datetime.now(UTC))

    def __post_init__(self) -> None:
        self.mailbox = Mailbox(self.http, self.place.mailbox)
        self.owner = self.graph()

    def graph(self) -> Graph:
        """Return another client of the graph, signed in as nobody."""
        return Graph(self.http, f"{self.place.gateway}/graphql", shows=self.shows)

    @contextlib.contextmanager
    def step(self, name: str) -> Iterator[None]:
        """Print a step and how long it took."""
        started = time.perf_counter()
        if self.shows:
            self.console.print(f"   … {name}")
        yield
        self.console.print(
            f"   [green]✓[/] {name} [dim]{(time.perf_counter() - started) * 1000:,.0f} ms[/]", highlight=False, soft_wrap=True
        )


def expect(is_so: object, what: str) -> None:
    """Go on only if it is so."""
    if not is_so:
        raise Mismatch(what)


async def expect_refused(code: str, doing: Awaitable[object]) -> None:
    """Go on only if it is refused, with this very code."""
    try:
        await doing
    except Refused as refused:
        expect(refused.code == code, f"it is refused as {code}, not as {refused.code}: {refused}")
    else:
        raise Mismatch(f"it is refused as {code}, not done")
