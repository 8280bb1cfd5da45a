"""Files: sent and fetched as they are, beside the graph, with the same session.

Identity keeps them and knows who may see which; files for support (``Portico-File-For: support``) notifications.

The bytes of an upload are read with a bound before anything else is done with them; to identity they travel whole.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import orjson
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from chassis.calls import Answer, Call, ServiceUnavailable
from chassis.errors import FieldProblem, Invalid, Refusal, Unavailable, internal_problem
from chassis.files import NAME_HEADER
from chassis.ids import prefix_of
from chassis.principal import SignInFirst
from chassis.telemetry import current_trace, log, span
from chassis.web import json_response, problem_response
from graphql_gateway.auth import CSRF_HEADER, Doorkeeper
from graphql_gateway.context import Context, Desk
from graphql_gateway.errors import BodyTooLarge
from graphql_gateway.limits import read_body

LARGEST_BYTES = 10 * 1024 * 1024
FOR_HEADER = "portico-file-for"
MEDIA_TYPES = frozenset(
    {
        "application/octet-stream",
        "application/pdf",
        "application/vnd.etsi.asic-e+zip",
        "application/x-zip-compressed",
        "application/zip",
    }
)
SUPPORT_MEDIA_TYPES = MEDIA_TYPES | {"image/gif", "image/jpeg", "image/png", "image/webp", "text/plain"}
_KEPT_BY = {"att": "notifications"}  # by the prefix of a file's id; identity keeps the others
_PASSED_OUT = ("content-disposition", "content-type", "x-content-type-options")
_NOT_STORED = {
    "cache-control": "no-store",
    "x-content-type-options": "nosniff",
    "content-security-policy": "default-src 'none'; sandbox",
    "cross-origin-resource-policy": "same-origin",
}
_NEW_PASSPORT_HELPS = frozenset({"PASSPORT_OUTDATED", "PASSPORT_NOT_ACCEPTED"})
_PASSPORTS = 3
_SECONDS = 60.0
_log = log("gateway")


class LengthMissing(Invalid):
    """Say with Content-Length how many bytes the file has."""

    status = 411


class FileTooLarge(Invalid):
    """The file is larger than 10 MiB; send a smaller one."""

    status = 413


class FileMediaTypeNotTaken(Invalid):
    """Send a PDF, ASiC-E or ZIP file under its media type, or as application/octet-stream; for support also an image or text."""

    status = 415


class FilePurposeNotKnown(Invalid):
    """There are no files for this."""

    def __init__(self) -> None:
        mend = "give support in the header Portico-File-For, or leave the header out"
        super().__init__(fields=[FieldProblem("for", mend)])


@dataclass(slots=True)
class _Counter:
    """Where files are handed in and out."""

    desk: Desk
    door: Doorkeeper

    async def upload(self, request: Request) -> Response:
        """Take a file and hand it to whoever keeps it."""
        credentials = self.door.credentials(request.headers)
        self.door.check_page(credentials, request.headers, request.headers.get(CSRF_HEADER))
        context = Context(self.desk, credentials.token)
        await require_session(context)
        keeper = _keeper_for(request.headers.get(FOR_HEADER))
        content = await _read_file(request, MEDIA_TYPES if keeper == "identity" else SUPPORT_MEDIA_TYPES)
        headers = {"content-type": "application/octet-stream", NAME_HEADER: request.headers.get(NAME_HEADER, "")}
        answer = await ask(context, Call(keeper, "/files", content, headers, "POST", _SECONDS))
        if answer.status != 200:
            return passed_on(answer, keeper)
        kept = orjson.loads(answer.body)["result"]
        shown = {name: kept[name] for name in ("id", "name", "size", "sha256")} | {"contentType": kept["content_type"]}
        response = json_response(shown, 201)
        response.headers["location"] = f"/files/{kept['id']}"
        return response

    async def download(self, request: Request) -> Response:
        """Fetch a file from whoever keeps it, for whoever may see it.

        Fetching changes nothing, so a page's cookie needs no token beside it; what comes back is not for other origins.
        """
        credentials = self.door.credentials(request.headers)
        if credentials.is_cookie:
            self.door.check_origin(request.headers)
        context = Context(self.desk, credentials.token)
        await require_session(context)
        file_id = request.path_params["file_id"]
        keeper = _KEPT_BY.get(prefix_of(file_id), "identity")
        answer = await ask(context, Call(keeper, f"/files/{quote(file_id, safe='')}", b"", {}, "GET", _SECONDS))
        return passed_out(answer) if answer.status == 200 else passed_on(answer, keeper)


async def ask(context: Context, call: Call) -> Answer:
    """Ask a service on behalf of whoever asks here, with a new passport where that helps."""
    for _ in range(_PASSPORTS):
        headers = {**call.headers, **await context.headers()}
        answer = await context.desk.caller.call(
            Call(call.service, call.path, call.body, headers, call.method, call.timeout_seconds)
        )
        if answer.status != 401 or _code_of(answer) not in _NEW_PASSPORT_HELPS:
            break
        context.forget_passport()
    return answer


def passed_out(answer: Answer) -> Response:
    """Return what a service has given as it is, with what says how it is to be kept."""
    return Response(answer.body, 200, {name: answer.headers[name] for name in _PASSED_OUT if name in answer.headers})


async def require_session(context: Context) -> None:
    """Refuse whoever is not signed in. Raises ``SignInFirst``."""
    if context.token is None:
        raise SignInFirst
    await context.headers()


def _keeper_for(purpose: str | None) -> str:
    """Return which service keeps files for a purpose. Raises ``FilePurposeNotKnown``."""
    if purpose is None:
        return "identity"
    if purpose.strip().lower() != "support":
        raise FilePurposeNotKnown
    return "notifications"


async def _read_file(request: Request, media_types: frozenset[str]) -> bytes:
    """Return the body of an upload. Raises ``FileMediaTypeNotTaken``, ``LengthMissing`` or ``FileTooLarge``."""
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() not in media_types:
        raise FileMediaTypeNotTaken
    declared = request.headers.get("content-length", "")
    if not declared.isascii() or not declared.isdecimal():
        raise LengthMissing
    try:
        return await read_body(request.receive, int(declared[:20]), LARGEST_BYTES)
    except BodyTooLarge as error:
        raise FileTooLarge from error


def _code_of(answer: Answer) -> str:
    return str(_problem_in(answer).get("code", ""))


def _problem_in(answer: Answer) -> Mapping[str, Any]:
    try:
        document = orjson.loads(answer.body)
    except orjson.JSONDecodeError:
        return {}
    return document if isinstance(document, dict) else {}


def passed_on(answer: Answer, service: str) -> Response:
    """Return a refusal of a service as it is; of its failures nothing but where to look."""
    if answer.status >= 500 and answer.status != 503:
        _log.error("a service failed", service=service, status=answer.status)
        return _internal()
    headers = {name: answer.headers[name] for name in ("retry-after",) if name in answer.headers}
    return Response(answer.body, answer.status, headers, media_type="application/problem+json")


def _internal() -> Response:
    return Response(orjson.dumps(internal_problem(current_trace())), 500, media_type="application/problem+json")


async def answered(name: str, request: Request, handle: Callable[[Request], Awaitable[Response]]) -> Response:
    """Return what handling a request gives, or the problem that it met; nothing of it is stored anywhere on its way."""
    with span(name, request.headers.get("traceparent")):
        try:
            response = await handle(request)
        except ServiceUnavailable:
            response = problem_response(Unavailable("Files cannot be served at the moment; try again shortly."))
        except Refusal as refusal:
            response = problem_response(refusal)
        except Exception:  # noqa: BLE001 - whatever it is, the outside learns the trace id and nothing else
            _log.exception("a file was not served")
            response = _internal()
        for header, value in _NOT_STORED.items():
            response.headers[header] = value
        if response.status_code == 401:
            response.headers["www-authenticate"] = "Bearer"
        return response


def file_routes(desk: Desk, door: Doorkeeper) -> list[BaseRoute]:
    """Return ``POST /files`` and ``GET /files/{id}``. Every refusal is a problem document (RFC 9457)."""
    counter = _Counter(desk, door)

    async def answer(request: Request) -> Response:
        return await answered("gateway /files", request, counter.upload if request.method == "POST" else counter.download)

    return [
        Route("/files", answer, methods=["POST"]),
        Route("/files/{file_id}", answer, methods=["GET"]),
    ]
