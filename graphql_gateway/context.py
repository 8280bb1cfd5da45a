"""What one operation stands on: who asks, and how the services are reached on their behalf."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import orjson

from chassis.calls import Call, Caller
from chassis.principal import HEADER
from graphql_gateway.clients.answers import ask, internal, unavailable
from graphql_gateway.clients.identity import PassportNotIssued, SessionEnded, Sessions
from graphql_gateway.engine.declare import Do
from graphql_gateway.engine.failures import Failure

OPEN_TO_ALL = frozenset({"catalog"})  # these answer visitors too, so they answer while sessions cannot be checked
DO_SECONDS = 30.0


@dataclass(slots=True)
class Desk:
    """What all operations share."""

    caller: Caller
    sessions: Sessions
    load_seconds: float = 5.0
    do_seconds: float = DO_SECONDS


class CookieJar(Protocol):
    """Writes the cookies of a page's session."""

    def kept(self, token: str, csrf_token: str, expires_at: str) -> list[str]:
        """Return the ``Set-Cookie`` values that begin a session."""
        ...

    def dropped(self) -> list[str]:
        """Return the ``Set-Cookie`` values that end a session."""
        ...


@dataclass(slots=True)
class Context:
    """One operation's side of the engine's calls.

    ``token`` is None for a visitor; ``cookies`` where the transport carries none.
    """

    desk: Desk
    token: str | None = None
    cookies: CookieJar | None = None
    set_cookies: list[str] = field(default_factory=list)
    network_address: str | None = None

    async def headers(self) -> dict[str, str]:
        """Return the headers that say who asks. Raises ``SessionEnded`` or ``PassportNotIssued``."""
        if self.token is None:
            return {}
        return {HEADER: (await self.desk.sessions.passport(self.token)).text}

    async def load(self, service: str, name: str, keys: list[Any], args: dict[str, Any]) -> Sequence[Any] | Failure:
        """Ask a service for one row for each key."""
        try:
            headers = await self.headers()
        except SessionEnded as ended:
            return Failure(ended.code, ended.message, internal().trace_id)
        except PassportNotIssued:
            if service not in OPEN_TO_ALL:
                return unavailable()
            headers = {}
        body = orjson.dumps({"keys": keys, "args": args})
        answer = await ask(self.desk.caller, Call(service, f"/load/{name}", body, headers, "POST", self.desk.load_seconds))
        if isinstance(answer, Failure):
            return answer
        rows = answer.get("rows")
        return rows if isinstance(rows, list) and len(rows) == len(keys) else internal()

    async def do(self, step: Do, asked: dict[str, Any]) -> Any | Failure:
        """Ask a service to do something; whatever is read afterwards is read with fresh rights."""
        try:
            headers = await self.headers()
        except SessionEnded as ended:
            return Failure(ended.code, ended.message, internal().trace_id)
        except PassportNotIssued:
            return unavailable()
        sent = {name: value for name, value in asked.items() if name not in step.keeps}
        sent |= {name: value for name in step.adds if (value := getattr(self, name)) is not None}
        call_body = orjson.dumps(sent)
        answer = await ask(
            self.desk.caller, Call(step.service, f"/do/{step.verb}", call_body, headers, "POST", self.desk.do_seconds)
        )
        if self.token is not None:
            self.desk.sessions.forget(self.token)
        if isinstance(answer, Failure):
            return answer
        result = answer.get("result")
        if not isinstance(result, dict):
            return internal()
        if step.then is not None:
            step.then(self, asked, result)
        return result
