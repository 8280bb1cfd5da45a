"""What every journey stands on: the traveller with what they have gathered, steps that are printed, expectations."""

import asyncio
import collections
import contextlib
import secrets
import time
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
from rich.console import Console

from portico.foreign import Graph, Mailbox, Refused, open_account

PATIENCE_SECONDS = 20.0


class Mismatch(Exception):  # noqa: N818 - named as the fact that it reports
    """Something is not as the journey expects it."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where the platform is, the demonstration's provider and operator, and the folder of its authority for signatures."""

    gateway: str
    data_plane: str
    mailbox: str
    provider_email: str
    provider_password: str
    operator_email: str = ""
    operator_password: str = ""
    authority: Path = Path("var/authority")


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

    async def signed_in(self, email: str, password: str) -> Graph:
        """Return another client of the graph, signed in."""
        graph = self.graph()
        await graph.sign_in(email, password)
        return graph

    async def newcomer(self, who: str) -> tuple[Graph, str]:
        """Return somebody who has just registered and signed in, with their address; ``who`` is their name."""
        graph, email = self.graph(), f"{who.split(maxsplit=1)[0].lower()}-{secrets.token_hex(6)}@partner.example"
        await open_account(graph, self.mailbox, email, secrets.token_urlsafe(18), name=who)
        return graph, email

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


async def until(ask: Callable[[], Awaitable[Any]], path: tuple[str, ...], wanted: dict[str, Any]) -> dict[str, Any]:
    """Return what is asked for once it is as wanted: an announcement may take a moment. Raises ``Mismatch``."""
    give_up_at = time.monotonic() + PATIENCE_SECONDS
    while True:
        found: Any = await ask()
        for name in path:
            found = found[name] if found is not None else None
        if found is not None and all(found.get(name) == value for name, value in wanted.items()):
            return dict(found)
        expect(time.monotonic() < give_up_at, f"{'.'.join(path)} is {wanted}, not {found}")
        await asyncio.sleep(0.05)
