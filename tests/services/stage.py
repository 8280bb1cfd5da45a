"""The stage of a service's tests: the real service on the real database, heard announcements, people with passports."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson

from chassis.bus import Message
from chassis.calls import AsgiCaller, Call
from chassis.service import Service
from chassis.tallying import Tally
from tests.passports import make_passport, make_visitor_passport

ACT = ".act_recorded.v1"


@dataclass(frozen=True)
class Answered:
    """What came back."""

    status: int
    body: dict[str, Any]

    @property
    def result(self) -> dict[str, Any]:
        assert self.status == 200, self.body
        found: dict[str, Any] = self.body["result"]
        return found

    @property
    def rows(self) -> list[Any]:
        assert self.status == 200, self.body
        found: list[Any] = self.body["rows"]
        return found

    @property
    def code(self) -> str:
        assert self.status >= 400, self.body
        return str(self.body["code"])

    def without_trace(self) -> dict[str, Any]:
        return {name: value for name, value in self.body.items() if name != "trace_id"}


def envelope(key: str, subject: str, sequence: int, data: Mapping[str, Any], **around: str) -> Message:
    """Return an announcement as the bus carries it."""
    wrapped = {
        "specversion": "1.0",
        "id": f"evt_{key}_{subject}_{sequence}",
        "source": f"/services/{key.partition('.')[0]}",
        "type": f"portico.{key}",
        "subject": subject,
        "time": datetime.now(UTC).isoformat(),
        "sequence": sequence,
        "data": dict(data),
        **around,
    }
    return Message(id=str(wrapped["id"]), key=key, body=orjson.dumps(wrapped))


@dataclass
class Person:
    """Somebody who asks."""

    stage: "Stage"
    passport: str

    async def do(self, verb: str, **body: Any) -> Answered:
        return await self._post(f"/do/{verb}", body)

    async def load(self, name: str, keys: list[Any], **args: Any) -> Answered:
        return await self._post(f"/load/{name}", {"keys": keys, "args": args})

    async def _post(self, path: str, body: Any) -> Answered:
        headers = {"portico-passport": self.passport}
        call = Call(self.stage.service.name, path, orjson.dumps(body), headers)
        answer = await self.stage.caller.call(call)
        return Answered(answer.status, orjson.loads(answer.body))


@dataclass
class Stage:
    """One service, ready; what others announce is handed to its reactions one by one."""

    service: Service
    keys: Path

    @property
    def caller(self) -> AsgiCaller:
        return AsgiCaller({self.service.name: self.service.app})

    def person(self, user_id: str = "usr_1", *, platform_roles: tuple[str, ...] = (), **organizations: str) -> Person:
        """Somebody with roles, such as ``person(org_consumer="OWNER")``."""
        return Person(self, make_passport(self.keys, user_id, organizations=organizations, platform_roles=platform_roles))

    def member(self, organization_id: str, role: str) -> Person:
        """Somebody with one role in one organization."""
        return Person(self, make_passport(self.keys, "usr_1", organizations={organization_id: role}))

    @property
    def anonymous(self) -> Person:
        return Person(self, make_visitor_passport(self.keys))

    async def hear(self, *announcements: Message) -> None:
        """Let every reaction that listens to them deal with the announcements."""
        for message in announcements:
            for reaction in self.service.wired_reactions():
                if message.key in reaction.keys:
                    await reaction.handle(message)

    async def announced(self) -> list[dict[str, Any]]:
        """Return what the service has announced, in order, but for its acts."""
        return [each for each in await self._outbox() if not each["type"].endswith(ACT)]

    async def acts(self) -> list[dict[str, Any]]:
        """Return the acts that the service has announced, in order; those that are just being told are waited for."""
        for worker in self.service.workers:
            if isinstance(worker, Tally):
                await worker.settle()
        return [each for each in await self._outbox() if each["type"].endswith(ACT)]

    async def _outbox(self) -> list[dict[str, Any]]:
        rows = await self.service.store.reader().collection("outbox").find({}, sort=[("_id", 1)])
        return [orjson.loads(row["body"]) for row in rows]
