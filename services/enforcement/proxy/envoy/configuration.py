"""Envoy's configuration, rendered as plain dictionaries from a few facts.

A bootstrap names three files; Envoy watches their folder and takes over each as soon as it is renamed into place:
``clusters.json`` (where things are), ``listeners.json`` (how a call is treated), ``routes.json`` (what is published). The TLS
door, where there is one, has files of its own beside them.
"""

from dataclasses import dataclass
from typing import Any

from services.enforcement.checks.answers import VERDICT_HEADER
from services.enforcement.checks.told import ENVOY, STATUS_HEADER
from services.enforcement.proxy.envoy import replies
from services.enforcement.proxy.plane import (
    CERTIFICATE_HEADER,
    CERTIFIED_HEADER,
    CHECK_TIMEOUT,
    FORWARDED_CERTIFICATE,
    IDENTITY_PREFIX,
    NO_RUN,
    DataPlane,
)

Json = dict[str, Any]

RUN_VARIABLE = "PORTICO_PROXY_RUN"
STAT_PREFIX = "calls"
ROUTES = "calls"
CHECK = "check"
SANDBOX_CLUSTER = "sandbox"
CERTIFIED = "certified"
CHECK_TIMEOUT_OPEN = "1.5s"  # shorter than for calls that then do not pass, and still longer than the check holds a call back
CHECK_FILTER, OPEN_CHECK_FILTER = "envoy.filters.http.ext_authz", "portico.open_check"
DISCOVERY = "discovery"
DISCOVERY_PAUSE, DISCOVERY_TIMEOUT = "0.05s", "30s"
_TYPES = "type.googleapis.com/envoy."
_HTTP = "extensions.filters.http."


def typed(kind: str, **fields: Any) -> Json:
    """Return a message that names its own type."""
    return {"@type": _TYPES + kind, **fields}


def socket_address(address: str) -> Json:
    """Return ``host:port`` as Envoy takes it."""
    host, _, port = address.rpartition(":")
    return {"socket_address": {"address": host.strip("[]"), "port_value": int(port)}}


def source(plane: DataPlane, file: str) -> Json:
    """Return where a part of the configuration is read from: a file, or for a member of a fleet whoever answers for all of it."""
    if plane.fleet is None:
        folder = str(plane.dynamic_folder)
        place: Json = {"path_config_source": {"path": f"{folder}/{file}", "watched_directory": {"path": folder}}}
    else:
        asked = {"api_type": "REST", "transport_api_version": "V3", "cluster_names": [DISCOVERY]}
        bounds = {"refresh_delay": DISCOVERY_PAUSE, "request_timeout": DISCOVERY_TIMEOUT}
        place = {"api_config_source": {**asked, **bounds}}
    return {**place, "resource_api_version": "V3"}


def bootstrap(plane: DataPlane) -> Json:
    """Return what Envoy starts with: its administration, its limits, and where everything else is read from."""
    connections = typed(
        "extensions.resource_monitors.downstream_connections.v3.DownstreamConnectionsConfig",
        max_active_downstream_connections=plane.max_connections,
    )
    dynamic = {"lds_config": source(plane, "listeners.json"), "cds_config": source(plane, "clusters.json")}
    return {
        "node": {"id": NO_RUN, "cluster": "portico"},
        "admin": {"address": socket_address(plane.admin_address)},
        "dynamic_resources": dynamic,
        "overload_manager": {
            "resource_monitors": [
                {"name": "envoy.resource_monitors.global_downstream_max_connections", "typed_config": connections}
            ]
        },
    }


@dataclass(frozen=True, slots=True)
class Door:
    """One listener: its name, its routes and their file, and whether it passes on the hash of the certificate shown to it."""

    name: str = "calls"
    routes: str = ROUTES
    routes_file: str = "routes.json"
    forwards_certificate: bool = False


PLAIN = Door()


def listeners(plane: DataPlane) -> list[Json]:
    """Return how calls are taken without TLS."""
    return [listener(plane, plane.proxy_address, PLAIN, {})]


def listener(plane: DataPlane, address: str, door: Door, chain: Json) -> Json:
    """Return how calls are taken, checked, passed on, and written down at one door."""
    connection_manager = {
        "name": "envoy.filters.network.http_connection_manager",
        "typed_config": _connection_manager(plane, door),
    }
    return typed(
        "config.listener.v3.Listener",
        name=door.name,
        address=socket_address(address),
        per_connection_buffer_limit_bytes=65_536,
        filter_chains=[{"filters": [connection_manager], **chain}],
    )


def _connection_manager(plane: DataPlane, door: Door) -> Json:
    return typed(
        "extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
        stat_prefix=STAT_PREFIX,
        codec_type="AUTO",
        server_name="portico",
        rds={"route_config_name": door.routes, "config_source": source(plane, door.routes_file)},
        # Who calls, and what they may send
        use_remote_address=True,
        forward_client_cert_details="SANITIZE_SET" if door.forwards_certificate else "SANITIZE",
        generate_request_id=False,
        normalize_path=True,
        merge_slashes=True,
        path_with_escaped_slashes_action="REJECT_REQUEST",
        max_request_headers_kb=32,
        common_http_protocol_options={
            "idle_timeout": "60s",
            "headers_with_underscores_action": "DROP_HEADER",
            "max_headers_count": 100,
        },
        early_header_mutation_extensions=[_hygiene()],
        # How long anything may take
        request_headers_timeout="10s",
        request_timeout="60s",
        stream_idle_timeout="60s",
        drain_timeout=f"{plane.drain_seconds}s",
        # What happens to a call
        http_filters=[
            _check_filter(stays_open=False),
            _check_filter(stays_open=True),
            {"name": "envoy.filters.http.router", "typed_config": typed(_HTTP + "router.v3.Router", suppress_envoy_headers=True)},
        ],
        local_reply_config=replies.configuration(),
        access_log=[_log_of_calls(plane)],
    )


def _log_of_calls(plane: DataPlane) -> Json:
    """One line for each call."""
    written = typed(
        "extensions.access_loggers.file.v3.FileAccessLog",
        path=str(plane.log_file),
        log_format={"json_format": replies.log_line(RUN_VARIABLE)},
    )
    return {"name": "envoy.access_loggers.file", "typed_config": written}


def _hygiene() -> Json:
    """Before anything looks at a call: none of the headers that we set ourselves is taken from the caller."""
    ours = {"header": {"key": "x-request-id", "value": "%UNIQUE_ID%"}, "append_action": "OVERWRITE_IF_EXISTS_OR_ADD"}
    mutations = [
        {"remove_on_match": {"key_matcher": {"prefix": IDENTITY_PREFIX}}},
        {"remove_on_match": {"key_matcher": {"prefix": "x-envoy-"}}},
        {"remove": VERDICT_HEADER},
        {"remove": CERTIFICATE_HEADER},
        {"remove": CERTIFIED_HEADER},
        {"append": ours},
    ]
    kind = "extensions.http.early_header_mutation.header_mutation.v3.HeaderMutation"
    return {"name": "envoy.http.early_header_mutation.header_mutation", "typed_config": typed(kind, mutations=mutations)}


def _check_filter(*, stays_open: bool) -> Json:
    """Return what asks the check. Calls pass one of two: where there is no decision, none passes, or (``stays_open``) all do."""

    def exactly(*names: str) -> Json:
        return {"patterns": [{"exact": name} for name in names]}

    told = ("ratelimit", "ratelimit-policy", "deprecation", "sunset", "link")
    timeout = CHECK_TIMEOUT_OPEN if stays_open else CHECK_TIMEOUT
    service = {
        "server_uri": {"uri": f"http://{CHECK}", "cluster": CHECK, "timeout": timeout},
        "path_prefix": ENVOY.decode(),
        "authorization_response": {
            "allowed_upstream_headers": {"patterns": [{"prefix": IDENTITY_PREFIX}]},
            "allowed_client_headers_on_success": exactly(*told),
            "allowed_client_headers": exactly(*told, "content-type", "www-authenticate", "retry-after", "allow", "cache-control"),
            "dynamic_metadata_from_headers": exactly(VERDICT_HEADER, STATUS_HEADER),
        },
    }
    check = typed(
        _HTTP + "ext_authz.v3.ExtAuthz",
        failure_mode_allow=stays_open,
        failure_mode_allow_header_add=stays_open,
        status_on_error={"code": "ServiceUnavailable"},
        allowed_headers=exactly("x-request-id", FORWARDED_CERTIFICATE),
        http_service=service,
    )
    if stays_open:
        return {"name": OPEN_CHECK_FILTER, "typed_config": check, "disabled": True}
    return {"name": CHECK_FILTER, "typed_config": check}


def through_open_check() -> Json:
    """Return what a route says to have its calls pass where they cannot be checked."""
    return {
        CHECK_FILTER: typed(_HTTP + "ext_authz.v3.ExtAuthzPerRoute", disabled=True),
        OPEN_CHECK_FILTER: typed("config.route.v3.FilterConfig", config={}),
    }
