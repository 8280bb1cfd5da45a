"""Configurations of other people's proxies, as plain as they can be, to hold ours against."""

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.dataplane.callers import AUDIENCE, BASE_PATH, ISSUER, client_id

_TYPES = "type.googleapis.com/envoy."
_ANSWER = "x" * 200


@dataclass(frozen=True, slots=True)
class Place:
    """Where a proxy's files are, what it listens on, and where its upstream and its check are; port 0 means that it has none."""

    folder: Path
    port: int
    upstream_port: int = 0
    check_port: int = 0


def nginx(place: Place) -> str:
    """Return nginx's configuration: an upstream of its own, a proxy, or a proxy that asks a check over connections kept open."""
    kept = "keepalive 128; keepalive_requests 100000000;"
    upstreams, location = "", f'location / {{ default_type text/plain; return 200 "{_ANSWER}"; }}'
    if place.upstream_port:
        upstreams = f"upstream api {{ server 127.0.0.1:{place.upstream_port}; {kept} }}"
        location = 'location / { proxy_http_version 1.1; proxy_set_header Connection ""; %s proxy_pass http://api; }'
        location %= "auth_request /.check;" if place.check_port else ""
    if place.check_port:
        upstreams += f" upstream check {{ server 127.0.0.1:{place.check_port}; {kept} }}"
        location += """ location = /.check {
          internal; proxy_http_version 1.1; proxy_pass_request_body off; proxy_set_header Connection "";
          proxy_set_header Content-Length ""; proxy_set_header X-Original-URI $request_uri;
          proxy_set_header X-Original-Method $request_method; proxy_pass http://check/check; }"""
    temporary = " ".join(
        f"{kind}_temp_path {place.folder}/{kind};" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    user = "user root;" if os.geteuid() == 0 else ""
    return f"""{user} daemon off; worker_processes 1; pid {place.folder}/nginx.pid; error_log stderr crit;
events {{ worker_connections 4096; }}
http {{ access_log off; keepalive_requests 100000000; {temporary} {upstreams}
  server {{ listen 127.0.0.1:{place.port}; {location} }} }}
"""


def envoy(place: Place) -> str:
    """Return Envoy's configuration: a proxy, or one that asks a check."""
    clusters = [_cluster("api", place.upstream_port)]
    filters = [{"name": "envoy.filters.http.router", "typed_config": _typed("extensions.filters.http.router.v3.Router")}]
    if place.check_port:
        clusters.append(_cluster("check", place.check_port))
        server = {"uri": "http://check", "cluster": "check", "timeout": "3s"}
        upstream_headers = {"patterns": [{"prefix": "x-portico-"}]}
        service = {
            "server_uri": server,
            "path_prefix": "/check",
            "authorization_response": {"allowed_upstream_headers": upstream_headers},
        }
        check = _typed("extensions.filters.http.ext_authz.v3.ExtAuthz", http_service=service)
        filters.insert(0, {"name": "envoy.filters.http.ext_authz", "typed_config": check})
    host = {"name": "all", "domains": ["*"], "routes": [{"match": {"prefix": "/"}, "route": {"cluster": "api"}}]}
    manager = _typed(
        "extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
        stat_prefix="calls",
        route_config={"name": "all", "virtual_hosts": [host]},
        http_filters=filters,
    )
    chain = {"filters": [{"name": "envoy.filters.network.http_connection_manager", "typed_config": manager}]}
    listener = {"name": "calls", "address": _address(place.port), "filter_chains": [chain]}
    return json.dumps({"static_resources": {"listeners": [listener], "clusters": clusters}})


def _typed(kind: str, **fields: Any) -> dict[str, Any]:
    return {"@type": _TYPES + kind, **fields}


def _address(port: int) -> dict[str, Any]:
    return {"socket_address": {"address": "127.0.0.1", "port_value": port}}


def _cluster(name: str, port: int) -> dict[str, Any]:
    endpoints = [{"lb_endpoints": [{"endpoint": {"address": _address(port)}}]}]
    return {"name": name, "type": "STATIC", "load_assignment": {"cluster_name": name, "endpoints": endpoints}}


def haproxy(place: Place, rules: str = "") -> str:
    """Return HAProxy's configuration: a proxy, with these rules."""
    return f"""global
  nbthread 1
  maxconn 4000
defaults
  mode http
  timeout client 60s
  timeout server 60s
  timeout connect 1s
  http-reuse always
frontend calls
  bind 127.0.0.1:{place.port}
{rules}
  default_backend api
backend api
  server api 127.0.0.1:{place.upstream_port}
"""


def haproxy_rules(folder: Path, public_pem: Path, callers: int) -> str:
    """Return rules that do in HAProxy what can be done there of what our check does, and write down each call.

    The token's signature, issuer, audience and end; the subscription, from a map; a rate, from a table. Both are those of one
    proxy, nothing changes the map while it runs, and there are no quotas and no permissions.
    """
    subscriptions = folder / "subscriptions.map"
    subscriptions.write_text("".join(f"{client_id(number)} sub_{number}\n" for number in range(callers)))
    return f"""  http-request del-header x-portico- -m beg
  http-request set-var(txn.token) http_auth_bearer
  http-request set-var(txn.algorithm) var(txn.token),jwt_header_query('$.alg')
  http-request set-var(txn.issuer) var(txn.token),jwt_payload_query('$.iss')
  http-request set-var(txn.audience) var(txn.token),jwt_payload_query('$.aud')
  http-request set-var(txn.ends) var(txn.token),jwt_payload_query('$.exp','int')
  http-request set-var(txn.now) date()
  http-request set-var(txn.client) var(txn.token),jwt_payload_query('$.client_id')
  http-request deny deny_status 401 unless {{ var(txn.algorithm) -m str RS256 }}
  http-request deny deny_status 401 unless {{ var(txn.issuer) -m str {ISSUER} }}
  http-request deny deny_status 401 unless {{ var(txn.audience) -m str {AUDIENCE} }}
  http-request deny deny_status 401 if {{ var(txn.ends),sub(txn.now) -m int lt 1 }}
  http-request deny deny_status 401 unless {{ var(txn.token),jwt_verify(txn.algorithm,"{public_pem}") 1 }}
  http-request set-var(txn.subscription) var(txn.client),map({subscriptions})
  http-request deny deny_status 403 unless {{ var(txn.subscription) -m found }} {{ path_beg {BASE_PATH}/ }}
  stick-table type string len 64 size 100k expire 1m store http_req_rate(1s)
  http-request track-sc0 var(txn.client)
  http-request deny deny_status 429 if {{ sc0_http_req_rate gt 1000000 }}
  http-request set-header x-portico-application %[var(txn.client)]
  http-request set-header x-portico-subscription %[var(txn.subscription)]
  http-request del-header authorization
  log stdout format raw local0 info
  log-format '{{"client":"%[var(txn.client)]","subscription":"%[var(txn.subscription)]","status":%ST,"ms":%Ta,"bytes":%B}}'"""
