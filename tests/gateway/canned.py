"""Canned services: they speak the services' internal HTTP, and remember what they were asked."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import httpx
import orjson
from starlette.requests import Request
from starlette.responses import Response

from chassis.bus import Listener, Message, matches
from chassis.clock import SystemClock
from chassis.messages import to_timestamp
from graphql_gateway.main import Gateway
from tests.gateway import made_up

USERS = {
    "usr_ann": {"id": "usr_ann", "name": "Ann", "email": "ann@example.org", "platform_roles": []},
    "usr_bob": {"id": "usr_bob", "name": "Bob", "email": "bob@example.org", "platform_roles": []},
}
ORGANIZATIONS = {
    name: {"id": name, "name": name.removeprefix("org_").title(), "is_test": False, "created_at": "2026-11-01T00:00:00.000Z"}
    for name in ("org_ann", "org_bob", "org_bank")
}
MEMBERS = {"usr_ann": {"org_ann": "OWNER"}, "usr_bob": {"org_bob": "OWNER", "org_bank": "ADMINISTRATOR"}}
APPLICATIONS = {
    f"app_{number}": {
        "id": f"app_{number}",
        "organization_id": "org_ann" if number < 4 else "org_bob",
        "name": f"Application {number}",
        "description": None,
        "client_id": f"cid_{number}",
        "created_at": "2026-11-02T00:00:00.000Z",
        "secrets": [{"id": f"sec_{number}", "hint": "…xyz", "created_at": "2026-11-02T00:00:00.000Z", "retired_at": None}],
    }
    for number in range(1, 6)
}
PLANS = {
    name: {
        "id": name, "name": name, "rate_requests": 10, "rate_seconds": 1, "burst": 20, "quota_calls": 5_000_000_000,
        "quota_period": "MONTH", "approval": "AUTOMATIC",
        "is_offered": True,
    }
    for name in ("pln_free", "pln_paid")
}  # fmt: skip
VERSION = {
    "id": "ver_1", "label": "v1", "status": "PUBLISHED",
    "base_path": "/accounts/accounts/v1", "call_url": "http://127.0.0.1/x",
    "published_at": "2026-11-03T00:00:00.000Z", "openapi_version": "3.0.3", "product_id": "prd_accounts", "operations_count": 1,
}  # fmt: skip
PRODUCTS = {
    name: {
        "id": name, "slug": name.removeprefix("prd_"), "title": name.title(), "summary": "What it is", "tags": ["bank"],
        "sensitivity": "STANDARD", "organization_id": "org_bank", "provider": {"id": "org_bank", "name": "Bank"},
        "status": "PUBLISHED", "sensitivity_kinds": [], "prerequisites": [], "plans": list(PLANS.values()),
        "apis": [{"id": "api_1", "slug": "accounts", "title": "Accounts", "versions": [VERSION]}],
    }
    for name in ("prd_accounts", "prd_cards", "prd_payments")
}  # fmt: skip
FIGURES = {
    "calls": 3_000_000_000, "success": 5, "client_errors": 1, "server_errors": 0, "unauthorized": 0, "forbidden": 0,
    "rate_limited": 1, "not_found": 0, "sandbox": 1,
    "bytes_in": 1, "bytes_out": 2, "latency_p50_ms": 1.5, "latency_p90_ms": 2.0, "latency_p95_ms": 3,
    "latency_p99_ms": None,
}  # fmt: skip

VISITOR = "passport-of-nobody"

BY_KEY: dict[str, dict[str, Any]] = {
    "users_by_id": USERS,
    "products_by_slug": {each.removeprefix("prd_"): product for each, product in PRODUCTS.items()},
    "products_by_id": PRODUCTS,
    "plans_by_id": PLANS,
    "versions_by_id": {"ver_1": VERSION},
}


def subscription(number: int, application_id: str, **more: Any) -> dict[str, Any]:
    """One subscription on the wire."""
    return {
        "id": f"sub_{number}", "application_id": application_id, "organization_id": "org_ann", "product_id": "prd_accounts",
        "plan_id": "pln_free", "provider_id": "org_bank", "status": "ACTIVE", "reason": None,
        "created_at": "2026-11-04T00:00:00.000Z", "changed_at": "2026-11-04T00:00:00.000Z",
        "history": [{
            "what": "ACTIVATED", "status": "ACTIVE", "causes": [], "reason": None, "actor": "usr_ann",
            "at": "2026-11-04T00:00:00.000Z", "plan_id": None,
        }],
        "holds": [{"cause": "OPERATOR", "reason": "Why", "actor": None, "at": "2026-11-04T00:00:00.000Z"}],
        "plan_change": {
            "plan_id": "pln_free", "requested_by": "usr_ann", "requested_at": "2026-11-04T00:00:00.000Z", "effective_at": None,
            "awaits_approval": True,
        },
        "applicant": {"application_name": "Ann's", "client_id": f"pci_{number}", "organization_name": None}, **more,
    }  # fmt: skip


def page(rows: list[Any], args: dict[str, Any]) -> dict[str, Any]:
    """A connection on the wire."""
    start = int(args["after"]) if args.get("after") else 0
    shown = rows[start : start + args.get("first", 20)]
    cursors = [str(start + index + 1) for index in range(len(shown))]
    has_more = start + len(shown) < len(rows)
    return {"nodes": shown, "cursors": cursors, "next": cursors[-1] if has_more and cursors else None, "total": len(rows)}


@dataclass
class Asked:
    """What a canned service was asked."""

    service: str
    path: str
    body: Any
    user: str | None
    headers: dict[str, str]


@dataclass
class Refusal(Exception):  # noqa: N818
    """What a canned service refuses."""

    status: int
    code: str
    detail: str = "No."
    more: dict[str, Any] = field(default_factory=dict)


@dataclass
class World:
    """The canned services."""

    asked: list[Asked] = field(default_factory=list)
    sessions: dict[str, str] = field(default_factory=lambda: {"token-ann": "usr_ann", "token-bob": "usr_bob"})
    subscriptions: dict[str, dict[str, Any]] = field(default_factory=dict)
    verbs: dict[str, Callable[[Any, str | None], Any]] = field(default_factory=dict)
    broken: dict[str, Callable[[], Response]] = field(default_factory=dict)
    passport_seconds: float = 60.0
    members: dict[str, dict[str, str]] = field(default_factory=lambda: {user: dict(each) for user, each in MEMBERS.items()})

    def __post_init__(self) -> None:
        for number in range(1, 7):
            self.subscriptions[f"sub_{number}"] = subscription(number, f"app_{(number + 1) // 2}")
        self.verbs |= {"issue_passport": self._issue_passport, "issue_visitor_passport": self._issue_visitor_passport}
        self.verbs |= {"sign_in": self._sign_in, "sign_out": self._sign_out}

    def loads_asked(self) -> list[tuple[str, int]]:
        """Every load that was asked, with how many keys."""
        return [(f"{each.service}{each.path}", len(each.body["keys"])) for each in self.asked if each.path.startswith("/load/")]

    def _issue_passport(self, body: Any, _user: str | None) -> dict[str, Any]:
        user = self.sessions.get(body["token"])
        if user is None:
            raise Refusal(401, "UNAUTHENTICATED")
        until = to_timestamp(SystemClock().now() + timedelta(seconds=self.passport_seconds))
        return {"passport": f"passport-of-{user}", "expires_at": until, "user_id": user, "session_id": "ses_1"}

    def _issue_visitor_passport(self, _body: Any, _user: str | None) -> dict[str, Any]:
        return {"passport": VISITOR, "expires_at": to_timestamp(SystemClock().now() + timedelta(hours=12))}

    def _sign_in(self, body: Any, _user: str | None) -> dict[str, Any]:
        assert set(body) - {"user_agent"} == {"email", "password", "network_address"}
        user = next((each for each in USERS.values() if each["email"] == body["email"]), None)
        if user is None or body["password"] != "right":
            raise Refusal(401, "WRONG_CREDENTIALS", "E-mail address or password is wrong.")
        token = f"new-token-{len(self.sessions)}"
        self.sessions[token] = str(user["id"])
        until = to_timestamp(SystemClock().now() + timedelta(hours=1))
        return {"kind": "SignedIn", "token": token, "expires_at": until, "csrf_token": "csrf-1", "user": user}

    def _sign_out(self, _body: Any, user: str | None) -> dict[str, Any]:
        self.sessions = {token: each for token, each in self.sessions.items() if each != user}
        return {}

    def row(self, name: str, key: Any, args: dict[str, Any], user: str | None) -> Any:
        """One row of a load, with the rights of a user."""
        mine = self.members.get(user or "", {})
        by_key = BY_KEY.get(name)
        if by_key is not None:
            return by_key.get(key)
        listed = getattr(self, f"_{name}", None)
        if listed is not None:
            return listed(key, args, user, mine)
        return made_up.row(name, key) if user is not None else None

    def _viewer(self, _key: Any, _args: Any, user: str | None, _mine: Any) -> Any:
        return {"user": USERS[user]} if user else None

    def _memberships_of_viewer(self, _key: Any, _args: Any, user: str, mine: Any) -> Any:
        return [self._membership(user, organization) for organization in mine]

    def _memberships_by_organization(self, key: str, args: Any, _user: Any, mine: Any) -> Any:
        users = [each for each, organizations in self.members.items() if key in organizations]
        return page([self._membership(each, key) | {"user": USERS[each]} for each in users], args) if key in mine else None

    def _organizations_by_id(self, key: str, _args: Any, _user: Any, mine: Any) -> Any:
        return ORGANIZATIONS.get(key) if key in mine else None

    def _applications_by_id(self, key: str, _args: Any, _user: Any, mine: Any) -> Any:
        found = APPLICATIONS.get(key)
        return found if found and found["organization_id"] in mine else None

    def _applications_by_organization(self, key: str, args: Any, _user: Any, mine: Any) -> Any:
        return page([each for each in APPLICATIONS.values() if each["organization_id"] == key], args) if key in mine else None

    def _permits(self, key: Any, _args: Any, _user: Any, mine: Any) -> Any:
        return {"allowed": key["on"] in mine, "reason": None if key["on"] in mine else "You are not a member."}

    def _products(self, _key: Any, args: Any, _user: Any, _mine: Any) -> Any:
        return page([each for each in PRODUCTS.values() if args.get("search", "") in str(each["title"]).lower()], args)

    def _products_by_organization(self, key: str, args: Any, _user: Any, _mine: Any) -> Any:
        return page([each for each in PRODUCTS.values() if each["organization_id"] == key], args)

    def _operations_by_version(self, *_: Any) -> Any:
        return [{"operation_id": "list", "method": "GET", "path": "/accounts", "summary": None}]

    def _documents_by_version(self, *_: Any) -> Any:
        return {"text": "{}", "media_type": "application/json"}

    def _originals_by_version(self, *_: Any) -> Any:
        return None

    def _sources_by_version(self, *_: Any) -> Any:
        return None

    def _provider_standing_by_organization(self, key: str, *_: Any) -> Any:
        return key == "org_bank"

    def _subscriptions_by_id(self, key: str, _args: Any, _user: Any, mine: Any) -> Any:
        found = self.subscriptions.get(key)
        return found if found and found["organization_id"] in mine else None

    def _subscriptions_by_application(self, key: str, args: Any, _user: Any, _mine: Any) -> Any:
        found = [each for each in self.subscriptions.values() if each["application_id"] == key]
        return page([each for each in found if args.get("status", each["status"]) == each["status"]], args)

    def _subscription_requests_by_provider(self, _key: str, args: Any, _user: Any, _mine: Any) -> Any:
        return page([each for each in self.subscriptions.values() if each["status"] == "PENDING"], args)

    def _subscriptions_by_provider(self, key: str, args: Any, _user: Any, _mine: Any) -> Any:
        found = [each for each in self.subscriptions.values() if each["provider_id"] == key]
        return page([each for each in found if args.get("status") in (None, each["status"])], args)

    def _usage(self, key: Any, _args: Any, _user: Any, mine: Any) -> Any:
        if key.get("organization_id") not in (None, *mine):
            return None
        moment = "2026-11-05T00:00:00.000Z"
        return {
            "as_of": moment, "from": moment, "to": moment, "watermark": moment, "lag_seconds": 0.5, "completeness": 1,
            "method": "EXACT", "totals": FIGURES, "series": [{"start": moment, **FIGURES}],
            "groups": [{"key": "200", "label": None, **FIGURES}],
        }  # fmt: skip

    def _membership(self, user: str, organization: str) -> dict[str, Any]:
        return {
            "id": f"mem_{user}_{organization}", "role": self.members[user][organization], "organization_id": organization,
            "user_id": user, "since": "2026-11-01T00:00:00.000Z",
        }  # fmt: skip

    def app(self, service: str) -> Any:
        """The ASGI application of a canned service."""

        async def answer(scope: Any, receive: Any, send: Any) -> None:
            request = Request(scope, receive)
            await (await self._answer(service, request))(scope, receive, send)

        return answer

    async def _answer(self, service: str, request: Request) -> Response:
        path = request.url.path
        raw = await request.body()
        if not path.startswith(("/load/", "/do/")):
            headers = {"x-echo": "yes", "content-type": "application/octet-stream"}
            return Response(request.method.encode() + b" " + path.encode() + b" " + raw, 200, headers)
        body = orjson.loads(raw)
        passport = request.headers.get("portico-passport")
        user = passport.removeprefix("passport-of-") if passport and passport != VISITOR else None
        self.asked.append(Asked(service, path, body, user, dict(request.headers)))
        await asyncio.sleep(0)
        try:
            broken = self.broken.get(service) or self.broken.get(path)
            if broken is not None:
                return broken()
            name = path.rpartition("/")[2]
            if path.startswith("/load/"):
                rows = [self.row(name, key, body["args"], user) for key in body["keys"]]
                return Response(orjson.dumps({"rows": rows}))
            result = self.verbs[name](body, user)
            return Response(orjson.dumps({"result": result}))
        except Refusal as refusal:
            problem = {
                "type": "https://portico.dev/problems/x", "title": "x", "status": refusal.status, "detail": refusal.detail,
                "code": refusal.code, "trace_id": "f" * 32, "fields": [], **refusal.more,
            }  # fmt: skip
            return Response(orjson.dumps(problem), refusal.status)


class Wire:
    """A bus that only broadcasts: enough for a gateway, which keeps no queue."""

    is_connected = True

    def __init__(self) -> None:
        self._listeners: list[Listener] = []

    async def listen(self, keys: Any, handle: Any) -> Listener:
        """Hear from now on."""

        async def gone(listener: Listener) -> None:
            self._listeners.remove(listener)

        listener = Listener(keys, handle, gone)
        self._listeners.append(listener)
        return listener

    async def announce(self, key: str, data: dict[str, Any]) -> None:
        """Tell everybody, and wait until they have heard."""
        wrapped = {"id": "evt_1", "type": f"portico.{key}", "time": "2026-11-05T00:00:00Z", "sequence": 1, "data": data}
        for listener in self._listeners:
            if any(matches(pattern, key) for pattern in listener.keys):
                listener.offer(Message("evt_1", key, orjson.dumps(wrapped)))
        await asyncio.sleep(0.01)


@dataclass
class Running:
    """A running gateway with what stands around it."""

    gateway: Gateway
    world: World
    wire: Wire
    http: httpx.AsyncClient

    async def ask(self, query: str, *, token: str | None = "token-ann", headers: Any = None, **variables: Any) -> Any:
        """Send a document and return the response's JSON."""
        response = await self.post({"query": query, "variables": variables}, token=token, headers=headers)
        return response.json()

    async def post(self, body: Any, *, token: str | None = None, headers: Any = None) -> httpx.Response:
        """Send a body."""
        sent = {"content-type": "application/json", **(headers or {})}
        if token is not None:
            sent["authorization"] = f"Bearer {token}"
        content = body if isinstance(body, bytes) else orjson.dumps(body)
        return await self.http.post("/graphql", content=content, headers=sent)
