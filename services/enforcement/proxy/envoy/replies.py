"""What the proxy says by itself, as problem documents, and what it writes down about each call."""

from typing import Any

from chassis.errors import HELP_BASE
from services.enforcement.checks.answers import VERDICT_HEADER
from services.enforcement.checks.told import STATUS_HEADER
from services.enforcement.proxy import plane
from services.enforcement.state.upstreams import SANDBOX

Json = dict[str, Any]

# The proxy's flags for calls that the upstream did not answer in full, and the codes that we give them.
UPSTREAM_UNAVAILABLE = ("UH", "UF", "UO", "URX", "LR", "UR", "UC", "UPE", "NC")
UPSTREAM_TIMEOUT = ("UT", "SI", "DT")
# The name of the route to the sandbox of every version.
SANDBOX_ROUTE = "sandbox"
_PROBLEM = "application/problem+json"
_BETWEEN = "|"
CHECK_METADATA = "envoy.filters.http.ext_authz"


def _problem(code: str, *, has_request_id: bool = True) -> Json:
    fields = {
        "type": HELP_BASE + code.lower().replace("_", "-"),
        "title": plane.SAYS[code],
        "detail": plane.SAYS[code],
        "status": "%RESPONSE_CODE%",
        "code": code,
    }
    if has_request_id:
        fields["request_id"] = "%REQ(X-REQUEST-ID)%"
    return {"json_format": fields, "content_type": _PROBLEM}


def _flags(*flags: str) -> Json:
    return {"response_flag_filter": {"flags": list(flags)}}


def _status(status: int) -> Json:
    return {
        "status_code_filter": {"comparison": {"op": "EQ", "value": {"default_value": status, "runtime_key": "portico.unused"}}}
    }


def _metadata(key: str, value: str) -> Json:
    """Return a filter for what the check has told for us alone."""
    matcher = {"filter": CHECK_METADATA, "path": [{"key": key}], "value": {"string_match": {"exact": value}}}
    return {"metadata_filter": {"matcher": matcher, "match_if_key_not_found": False}}


def configuration() -> Json:
    """Return the bodies of the proxy's own answers; the check's refusals pass as they are, with the status that is meant."""
    check_is_down = {"and_filter": {"filters": [_flags("UAEX"), _status(503)]}}
    as_it_is = {"text_format_source": {"inline_string": "%LOCAL_REPLY_BODY%"}, "content_type": _PROBLEM}
    decided = {"filter": _metadata(STATUS_HEADER, "503"), "status_code": 503, "body_format_override": as_it_is}
    mappers: list[tuple[Json, Json]] = [
        (check_is_down, _problem(plane.CHECK_UNAVAILABLE)),
        (_flags("UAEX"), as_it_is),
        (_flags("NR"), _problem(plane.API_NOT_FOUND)),
        (_flags(*UPSTREAM_TIMEOUT), _problem(plane.UPSTREAM_TIMEOUT)),
        (_flags(*UPSTREAM_UNAVAILABLE), _problem(plane.UPSTREAM_UNAVAILABLE)),
    ]
    return {
        "mappers": [decided, *({"filter": when, "body_format_override": body} for when, body in mappers)],
        # Refused before its headers were put in order: a request id would be one that the caller made up.
        "body_format": _problem(plane.CALL_NOT_READABLE, has_request_id=False),
    }


def route_name(product_id: str, version_id: str, environment: str) -> str:
    """Return the name of a route to a version: what is known of calls that nobody has decided on."""
    return _BETWEEN.join((product_id, version_id, environment))


def read_route_name(name: str) -> dict[str, str]:
    """Return what a route's name tells of its calls."""
    if name == SANDBOX_ROUTE:
        return {"environment": SANDBOX}
    told = name.split(_BETWEEN)
    return dict(zip(("product_id", "version_id", "environment"), told, strict=True)) if len(told) == 3 else {}


def log_line(run_variable: str) -> Json:
    """Return the access log's format. It names operations by id; paths, queries and tokens are never written."""
    return {
        "run": f"%ENVIRONMENT({run_variable})%",
        "unique_id": "%UNIQUE_ID%",
        "request_id": "%REQ(X-REQUEST-ID)%",
        "started": "%START_TIME(%s%3f)%",
        "duration_us": "%COMMON_DURATION(DS_RX_BEG:DS_TX_END:us)%",
        "duration_ms": "%DURATION%",
        "status": "%RESPONSE_CODE%",
        "route": "%ROUTE_NAME%",
        "flags": "%RESPONSE_FLAGS%",
        "details": "%RESPONSE_CODE_DETAILS%",
        "bytes_in": "%BYTES_RECEIVED%",
        "bytes_out": "%BYTES_SENT%",
        "verdict": f"%DYNAMIC_METADATA({CHECK_METADATA}:{VERDICT_HEADER})%",
    }
