"""What recording costs: mutations a second with acts and without, and how many acts a second the audit trail takes in.

Two whole platforms run in this process, each on an embedded database of its own, without their proxies; one of them records
nothing. In turns, each does the same mutations directly at its services, a few at the same time; then the recording one is left
alone until its trail has everything. Printed are mutations a second of both, what is between them, how many commands one mutation
sends to identity's database, and acts appended a second. Rates are those of a machine; the number of commands is the same on any.
"""

import argparse
import asyncio
import json
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
from pymongo import monitoring

from chassis.calls import AsgiCaller, Call
from chassis.principal import HEADER
from portico.composition import one_process
from portico.database import start_database
from portico.foreign import Graph, Mailbox, open_account
from portico.keys import make_keys
from portico.place import settings_of
from portico.settings import PorticoSettings
from portico.trouble import bind

AT_ONCE = 4
_PASSWORD = "a long walk by the river"  # noqa: S105 - of people who live as long as this program


class Commands(monitoring.CommandListener):
    """Counts what is sent to identity's database within transactions."""

    def __init__(self) -> None:
        self.sent = 0

    def started(self, event: monitoring.CommandStartedEvent) -> None:
        """Count one."""
        if event.command.get("autocommit") is False and "identity" in self.of(event):
            self.sent += 1

    @staticmethod
    def of(event: monitoring.CommandStartedEvent) -> str:
        """Return which database a command is for; a commit is for all of them."""
        return "identity" if event.command_name == "commitTransaction" else event.database_name

    def succeeded(self, event: monitoring.CommandSucceededEvent) -> None:
        """Nothing is to be counted."""

    def failed(self, event: monitoring.CommandFailedEvent) -> None:
        """Nothing is to be counted."""


class Stand:
    """A running platform, and somebody who does the same again and again."""

    def __init__(self, whole: Any, graph: Graph) -> None:
        self.whole = whole
        self.graph = graph
        self.services = AsgiCaller({name: part.app for name, part in whole.parts.items()})
        self.organizations: list[str] = []
        self.number = 0
        self._passport = b""

    async def furnish(self) -> None:
        """Make an organization for each of those who do something at the same time."""
        for number in range(AT_ONCE):
            made = await self.graph.do("createOrganization", "... on Organization { id }", name=f"Bench {number}")
            self.organizations.append(made["id"])

    async def prepare(self) -> None:
        """Have a passport for the next minute."""
        sent = json.dumps({"token": self.graph.token}).encode()
        answer = await self.services.call(Call("identity", "/do/issue_passport", sent))
        self._passport = json.loads(answer.body)["result"]["passport"]

    async def do(self, verb: str, **input_: Any) -> None:
        """Do something at identity."""
        call = Call("identity", f"/do/{verb}", json.dumps(input_).encode(), {HEADER: str(self._passport)})
        answer = await self.services.call(call)
        if answer.status != 200:
            raise SystemExit(f"{verb}: {answer.body!r}")

    async def rename(self, organization_id: str) -> None:
        """Change a thing."""
        self.number += 1
        await self.do("rename_organization", organization_id=organization_id, name=f"Name {self.number}")

    async def create(self, organization_id: str) -> None:
        """Make a thing."""
        self.number += 1
        await self.do("create_application", organization_id=organization_id, name=f"Application {self.number}")

    async def rate(self, one: Callable[[str], Awaitable[None]], times: int) -> float:
        """Do something so often, in each organization at the same time; return how many a second that makes."""

        async def again(organization_id: str) -> None:
            for _ in range(times):
                await one(organization_id)

        await self.prepare()
        began = time.perf_counter()
        await asyncio.gather(*(again(each) for each in self.organizations))
        return times * len(self.organizations) / (time.perf_counter() - began)

    async def kept(self) -> int:
        """Return how many entries the trail has."""
        return int(await self.whole.parts["audit"].store.reader().collection("entries").count_documents({}))

    async def settled(self) -> tuple[int, float]:
        """Wait until the trail takes nothing in any more; return how many entries came, and within how many seconds."""
        before, began, at = await self.kept(), time.perf_counter(), 0.0
        seen, quiet = before, 0
        while quiet < 10:
            await asyncio.sleep(0.2)
            now = await self.kept()
            quiet = quiet + 1 if now == seen else 0
            at = at if now == seen else time.perf_counter() - began
            seen = now
        return seen - before, at


@asynccontextmanager
async def _stand(var: Path, *, is_recording: bool) -> AsyncIterator[Stand]:
    database, mongo_url = await start_database(var / "database", var / "database.log")
    try:
        sockets = {name: bind("127.0.0.1", 0, "a free port") for name in ("gateway", "mailbox")}
        ports = {f"{name}_port": each.getsockname()[1] for name, each in sockets.items()}
        settings = settings_of(PorticoSettings, var=var, **ports)
        make_keys(var / "keys")
        whole = await one_process(settings, var, mongo_url, has_proxy=False)
        for part in whole.parts.values():
            if not is_recording and hasattr(part, "store"):
                part.store.recorder = None
        try:
            await whole.start(sockets)
            async with httpx.AsyncClient(timeout=20) as http:
                graph = Graph(http, f"{settings.gateway_url}/graphql")
                mailbox = Mailbox(http, settings.mailbox_url)
                await open_account(graph, mailbox, "owner@bench.example", _PASSWORD, name="Owner")
                stand = Stand(whole, graph)
                await stand.furnish()
                yield stand
        finally:
            await whole.close()
    finally:
        await database.stop()


async def measure(rounds: int, times: int) -> None:
    """Measure and print."""
    commands = Commands()
    monitoring.register(commands)
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        without = await stack.enter_async_context(_stand(folder / "without", is_recording=False))
        recording = await stack.enter_async_context(_stand(folder / "recording", is_recording=True))
        print(f"{'mutation':<12}{'without /s':>12}{'recording /s':>14}{'difference':>12}{'commands':>14}{'appended /s':>13}")
        for name in ("rename", "create"):
            rates: dict[Stand, list[float]] = {without: [], recording: []}
            sent: dict[Stand, list[float]] = {without: [], recording: []}
            appended: list[float] = []
            for _ in range(rounds):
                for stand in (without, recording):
                    commands.sent = 0
                    rates[stand].append(await stand.rate(getattr(stand, name), times))
                    sent[stand].append(commands.sent / times / AT_ONCE)
                    entries, seconds = await stand.settled()
                    appended += [entries / seconds] if entries else []
            plain, told = (statistics.median(rates[stand]) for stand in (without, recording))
            some, more = (statistics.median(sent[stand]) for stand in (without, recording))
            taken = statistics.median(appended or [0.0])
            print(f"{name:<12}{plain:>12.0f}{told:>14.0f}{told / plain - 1:>12.0%}{some:>7.1f}{more:>7.1f}{taken:>13.0f}")


def main() -> None:
    """Read the arguments and measure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--times", type=int, default=50)
    given = parser.parse_args()
    sys.exit(asyncio.run(measure(given.rounds, given.times)))


if __name__ == "__main__":
    main()
