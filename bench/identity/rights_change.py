"""How long a change of role takes until it is in force at every service and on every open socket.

The platform runs in this process on the embedded database, without its proxy. Again and again somebody is let into an
organization, watches it over a socket, and is removed; measured is the time from the answer of ``removeMember`` until each
service refuses the passport issued before (asked directly, every few milliseconds), and until the socket is told. Printed are the
median and the worst of each; the program fails where one is longer than the promise.
"""

import argparse
import asyncio
import json
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
from websockets.asyncio.client import ClientConnection, connect

from chassis.calls import AsgiCaller, Call
from chassis.principal import HEADER
from portico.composition import one_process
from portico.database import start_database
from portico.foreign import Graph, Mailbox, open_account
from portico.keys import make_keys
from portico.place import settings_of
from portico.settings import PorticoSettings
from portico.trouble import bind

PROMISE_SECONDS = 1.0
_LOADS = {"identity": "users_by_id", "catalog": "products_by_id", "subscriptions": "subscriptions_by_id", "analytics": "usage"}
_WATCH = "subscription($id: ID!) { subscriptionChanged(applicationId: $id) { id } }"
_PASSWORD = "a long walk by the river"  # noqa: S105 - of people who live as long as this program


class Stand:
    """The running platform and two people: who owns an organization, and who comes and goes."""

    def __init__(self, http: httpx.AsyncClient, whole: Any, url: str, mailbox_url: str) -> None:
        self.url = f"{url}/graphql"
        self.whole = whole
        self.services = AsgiCaller({name: part.app for name, part in whole.parts.items()})
        self.owner, self.guest = Graph(http, self.url), Graph(http, self.url)
        self._mailbox = Mailbox(http, mailbox_url)
        self.organization = self.application = self.guest_id = ""

    async def furnish(self) -> None:
        """Let both come, and make what is watched."""
        await open_account(self.owner, self._mailbox, "owner@bench.example", _PASSWORD, name="Owner")
        guest = await open_account(self.guest, self._mailbox, "guest@bench.example", _PASSWORD, name="Guest")
        self.guest_id = guest["id"]
        made = await self.owner.do("createOrganization", "... on Organization { id }", name="Bench")
        self.organization = made["id"]
        made = await self.owner.do(
            "createApplication",
            "... on CreatedApplication { application { id } }",
            organizationId=self.organization,
            name="Robot",
        )
        self.application = made["application"]["id"]

    async def let_in(self) -> None:
        """Make the guest a member."""
        invited = {"organizationId": self.organization, "email": "guest@bench.example", "role": "DEVELOPER"}
        made = await self.owner.do("inviteMember", "... on Invitation { id }", **invited)
        await self.guest.do("acceptInvitation", "... on Membership { id }", invitationId=made["id"])

    async def passport(self) -> str:
        """Return a passport of the guest, as a gateway would hold it."""
        sent = json.dumps({"token": self.guest.token}).encode()
        answer = await self.services.call(Call("identity", "/do/issue_passport", sent))
        return str(json.loads(answer.body)["result"]["passport"])

    async def refused_after(self, service: str, passport: str) -> float:
        """Return how many seconds it takes until a service takes the passport no more."""
        began = time.perf_counter()
        while True:
            answer = await self.services.call(Call(service, f"/load/{_LOADS[service]}", b"no json", {HEADER: passport}))
            if json.loads(answer.body)["code"] == "PASSPORT_OUTDATED":
                return time.perf_counter() - began
            await asyncio.sleep(0.002)

    @asynccontextmanager
    async def watching(self) -> AsyncIterator[ClientConnection]:
        """Let the guest watch the application over a socket."""
        url = self.url.replace("http://", "ws://", 1)
        async with connect(url, subprotocols=["graphql-transport-ws"]) as socket:  # type: ignore[list-item]
            begun = {"type": "connection_init", "payload": {"authorization": f"Bearer {self.guest.token}"}}
            await socket.send(json.dumps(begun))
            await socket.recv()
            asked = {"query": _WATCH, "variables": {"id": self.application}}
            await socket.send(json.dumps({"id": "1", "type": "subscribe", "payload": asked}))
            while not self.whole.gateway.hub.watching:  # noqa: ASYNC110 - it has no event for this
                await asyncio.sleep(0.002)
            await asyncio.sleep(0.2)
            yield socket

    async def round(self) -> dict[str, float]:
        """Let the guest in, remove them, and return the seconds until each place knows."""
        await self.let_in()
        passport = await self.passport()
        async with self.watching() as socket:
            left = {"organizationId": self.organization, "userId": self.guest_id}
            await self.owner.do("removeMember", "... on RemovedMember { userId }", **left)
            places = [*(self.refused_after(service, passport) for service in _LOADS), _told_after(socket)]
            return dict(zip([*_LOADS, "socket"], await asyncio.gather(*places), strict=True))


async def _told_after(socket: ClientConnection) -> float:
    began = time.perf_counter()
    async with asyncio.timeout(30):
        while "NOTHING_TO_WATCH" not in str(await socket.recv()):
            continue
    return time.perf_counter() - began


@asynccontextmanager
async def _platform(var: Path) -> AsyncIterator[Stand]:
    database, mongo_url = await start_database(var / "database", var / "database.log")
    try:
        sockets = {name: bind("127.0.0.1", 0, "a free port") for name in ("gateway", "mailbox")}
        ports = {f"{name}_port": each.getsockname()[1] for name, each in sockets.items()}
        settings = settings_of(PorticoSettings, var=var, **ports)
        make_keys(var / "keys")
        whole = await one_process(settings, var, mongo_url, has_proxy=False)
        try:
            await whole.start(sockets)
            async with httpx.AsyncClient(timeout=20) as http:
                stand = Stand(http, whole, settings.gateway_url, settings.mailbox_url)
                await stand.furnish()
                yield stand
        finally:
            await whole.close()
    finally:
        await database.stop()


async def measure(rounds: int) -> bool:
    """Measure, print, and say whether the promise was kept."""
    with tempfile.TemporaryDirectory() as folder:
        async with _platform(Path(folder)) as stand:
            seen = [await stand.round() for _ in range(rounds)]
    is_kept = True
    print(f"{'place':<16}{'median ms':>12}{'worst ms':>12}")
    for place in seen[0]:
        times = [each[place] for each in seen]
        is_kept = is_kept and max(times) <= PROMISE_SECONDS
        print(f"{place:<16}{statistics.median(times) * 1000:>12.1f}{max(times) * 1000:>12.1f}")
    return is_kept


def main() -> None:
    """Read the arguments and measure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=50)
    sys.exit(0 if asyncio.run(measure(parser.parse_args().rounds)) else 1)


if __name__ == "__main__":
    main()
