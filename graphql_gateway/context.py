"""What one operation stands on: who asks, and how the services are reached on their behalf."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

import orjson

from chassis import idempotency
from chassis.calls import Call, Caller
from chassis.principal import HEADER
from graphql_gateway.clients.answers import UNAVAILABLE, Hear, ask, internal, unavailable
from graphql_gateway.clients.identity import PassportNotIssued, SessionEnded, Sessions
from graphql_gateway.engine.declare import Do
from graphql_gateway.engine.failures import Failure
from graphql_gateway.gathering import EVERY, gathered, service_of
from graphql_gateway.idempotency import key_of_field
from graphql_gateway.trying import TRYING, tried

_NEW_PASSPORT_HELPS = frozenset({"PASSPORT_OUTDATED", "PASSPORT_NOT_ACCEPTED"})
_MOST_PASSPORTS = 3
OPEN_TO_ALL = frozenset({"catalog"})  # these answer visitors too, so they answer while sessions cannot be checked
DO_SECONDS = 30.0
_MAYBE_DONE = (
    "This part of the platform does not answer at the moment, and what was asked may have been done all the same: "
    "ask again with the same idempotency key, or look first."
)


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

    def bound(self, state: str) -> str:
        """Return the ``Set-Cookie`` value that binds the way to an outside provider to this browser."""
        ...


@dataclass(slots=True)
class Context:
    """One operation's side of the engine's calls.

    ``token`` is None for a visitor; ``cookies`` where the transport carries none. ``replayed`` names the mutations that were
    answered from what is kept under ``idempotency_key``, ``done_anew`` says that another one was not.
    """

    desk: Desk
    token: str | None = None
    cookies: CookieJar | None = None
    set_cookies: list[str] = field(default_factory=list)
    network_address: str | None = None
    user_agent: str | None = None
    idempotency_key: str | None = None
    replayed: list[str] = field(default_factory=list)
    done_anew: bool = False

    async def headers(self) -> dict[str, str]:
        """Return the headers that say who asks. Raises ``SessionEnded`` or ``PassportNotIssued``."""
        if self.token is None:
            return {HEADER: await self.desk.sessions.visitor()}
        return {HEADER: (await self.desk.sessions.passport(self.token)).text}

    async def user_id(self) -> str | None:
        """Return whose session it is; None for a visitor. Raises ``SessionEnded`` or ``PassportNotIssued``."""
        return (await self.desk.sessions.passport(self.token)).user_id if self.token is not None else None

    def forget_passport(self) -> None:
        """Drop the passport: the next one shows fresh rights."""
        if self.token is None:
            self.desk.sessions.forget_visitor()
        else:
            self.desk.sessions.forget(self.token)

    async def load(self, service: str, name: str, keys: list[Any], args: dict[str, Any]) -> Sequence[Any] | Failure:
        """Ask a service for one row for each key."""
        if service == EVERY:
            return await gathered(self.load, name, keys, args)
        body = orjson.dumps({"keys": keys, "args": args})
        call = Call(service, f"/load/{name}", body, {}, "POST", self.desk.load_seconds)
        answer = await self._ask(call, is_open=service in OPEN_TO_ALL)
        if isinstance(answer, Failure):
            return answer
        rows = answer.get("rows")
        return rows if isinstance(rows, list) and len(rows) == len(keys) else internal()

    async def _ask(self, call: Call, *, is_open: bool = False, hear: Hear | None = None) -> dict[str, Any] | Failure:
        """Ask with a passport; where the service has heard before us that it is outdated, ask once more with a new one.

        A passport is refused before anything is done, so even a mutation may be asked again.
        """
        for _ in range(_MOST_PASSPORTS):
            try:
                headers = await self._headers_or_visitor() if is_open else await self.headers()
            except SessionEnded as ended:
                return Failure(ended.code, ended.message, internal().trace_id)
            except PassportNotIssued:
                return unavailable()
            answer = await ask(self.desk.caller, replace(call, headers={**call.headers, **headers}), hear)
            if not isinstance(answer, Failure) or answer.code not in _NEW_PASSPORT_HELPS:
                return answer
            self.forget_passport()
        return unavailable()

    async def _headers_or_visitor(self) -> dict[str, str]:
        try:
            return await self.headers()
        except PassportNotIssued:
            return {HEADER: await self.desk.sessions.visitor()}

    async def do(self, step: Do, asked: dict[str, Any], field: str) -> Any | Failure:
        """Ask a service to do something; whatever is read afterwards is read with fresh rights."""
        sent = {name: value for name, value in asked.items() if name not in step.keeps}
        sent |= {name: value for name in step.adds if (value := getattr(self, name)) is not None}
        was_replayed = False

        def hear(headers: Mapping[str, str]) -> None:
            nonlocal was_replayed
            was_replayed = idempotency.REPLAYED_HEADER in headers

        if step.service == TRYING:
            answer = await tried(self._part, sent)
        else:
            service = service_of(asked.get("queue")) if step.service == EVERY else step.service
            answer = await self._ask(self._call(service, step.verb, sent, self._key_of(field)), hear=hear)
        self._note(field, was_replayed=was_replayed)
        if isinstance(answer, Failure) and answer.code == UNAVAILABLE:
            answer = replace(answer, message=_MAYBE_DONE)
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

    def _call(self, service: str, verb: str, sent: dict[str, Any], headers: Mapping[str, str]) -> Call:
        return Call(service, f"/do/{verb}", orjson.dumps(sent), headers, "POST", self.desk.do_seconds)

    async def _part(self, service: str, verb: str, sent: dict[str, Any]) -> dict[str, Any] | Failure:
        """Have a service do its part of what several do."""
        answer = await self._ask(self._call(service, verb, sent, {}))
        if isinstance(answer, Failure):
            return answer
        result = answer.get("result")
        return result if isinstance(result, dict) else internal()

    def _key_of(self, field: str) -> dict[str, str]:
        key = self.idempotency_key
        return {idempotency.HEADER: key_of_field(key, field)} if key is not None else {}

    def _note(self, field: str, *, was_replayed: bool) -> None:
        if was_replayed:
            self.replayed.append(field)
        else:
            self.done_anew = True
