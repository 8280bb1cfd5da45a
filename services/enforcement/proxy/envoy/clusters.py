"""Envoy's clusters: where the check is, the sandbox, and each version's upstream.

An upstream is given as numbers alone, with TLS by its name. What it may take is bounded, so that one that is slow or broken takes
nothing from the others.
"""

import hashlib
import ipaddress
from collections.abc import Callable, Iterable
from pathlib import Path

from services.enforcement.proxy.envoy.configuration import CERTIFIED, CHECK, SANDBOX_CLUSTER, Json, socket_address, typed
from services.enforcement.proxy.plane import DataPlane, client_certificate
from services.enforcement.proxy.published import Published
from services.enforcement.state.upstreams import Upstream

_TLS = "extensions.transport_sockets.tls.v3."
_HTTP_OPTIONS = "extensions.upstreams.http.v3.HttpProtocolOptions"
_PREFIX = "upstream:"

Mark = Callable[[Path], str | None]


def name_of(upstream: Upstream) -> str:
    """Return the name of an upstream's cluster: another one for another place, so that a route leads to either as a whole."""
    place = repr((upstream.origin, upstream.authorities, upstream.client_certificate)).encode()
    return f"{_PREFIX}{upstream.name}:{hashlib.sha256(place).hexdigest()[:12]}"


def clusters(plane: DataPlane, published: Iterable[Published] = (), mark: Mark = lambda _: "") -> list[Json]:
    """Return where the check, the sandbox and the upstreams are.

    ``mark`` tells which certificate lies where one is to be shown from, so that another one is taken over; None for none, and
    then no call goes there.
    """
    certified = [_own(CERTIFIED, plane.certified_address)] if plane.certified_address else []
    # What is published now comes first: of a place that is left and stays, it says how.
    served = [(each.upstream, each.addresses) for each in [*published][::-1] if each.upstream is not None]
    others = [_of_upstream(plane, *each, mark) for each in {name_of(each[0]): each for each in served}.values()]
    return [_check(plane), _own(SANDBOX_CLUSTER, plane.sandbox_address), *certified, *others]


def _check(plane: DataPlane) -> Json:
    """Return where the check is: beside the proxy, or at its address."""
    if plane.check_door is None:
        return _own(CHECK, plane.check_address)
    endpoint = {"endpoint": {"address": {"pipe": {"path": str(plane.check_door)}}}}
    beside = {"type": "STATIC", "load_assignment": {"cluster_name": CHECK, "endpoints": [{"lb_endpoints": [endpoint]}]}}
    return {**_own(CHECK, plane.check_address), **beside}


def _own(name: str, address: str) -> Json:
    many = 100_000
    limits = {"max_connections": many, "max_pending_requests": many, "max_requests": many, "max_retries": 3}
    return typed(
        "config.cluster.v3.Cluster",
        name=name,
        type="STATIC" if _is_ip(address.rpartition(":")[0]) else "STRICT_DNS",
        connect_timeout="1s",
        circuit_breakers={"thresholds": [limits]},
        load_assignment=_endpoints(name, [address]),
    )


def _of_upstream(plane: DataPlane, upstream: Upstream, addresses: Iterable[str], mark: Mark) -> Json:
    name, calls = name_of(upstream), plane.upstream_calls
    shown = None if upstream.client_certificate is None else client_certificate(plane, upstream)
    marked = "" if shown is None else mark(shown)
    if marked is None:
        addresses, shown = (), None
    limits = {"max_connections": calls, "max_pending_requests": calls, "max_requests": calls, "max_retries": max(calls // 10, 1)}
    options = typed(
        _HTTP_OPTIONS,
        explicit_http_config={"http_protocol_options": {}},
        common_http_protocol_options={"idle_timeout": "30s", "max_headers_count": 200},
    )
    more: Json = {"metadata": {"filter_metadata": {"portico": {"certificate": marked}}}} if marked else {}
    if upstream.origin.startswith("https:"):
        more["transport_socket"] = {"name": "envoy.transport_sockets.tls", "typed_config": _tls(plane, upstream, shown)}
    return typed(
        "config.cluster.v3.Cluster",
        name=name,
        type="STATIC",
        connect_timeout="2s",
        per_connection_buffer_limit_bytes=65_536,
        circuit_breakers={"thresholds": [limits]},
        typed_extension_protocol_options={"envoy.extensions.upstreams.http.v3.HttpProtocolOptions": options},
        load_assignment=_endpoints(name, addresses),
        **more,
    )


def _endpoints(name: str, addresses: Iterable[str]) -> Json:
    endpoints = [{"endpoint": {"address": socket_address(each)}} for each in addresses]
    return {"cluster_name": name, "endpoints": [{"lb_endpoints": endpoints}] if endpoints else []}


def _tls(plane: DataPlane, upstream: Upstream, shown: Path | None) -> Json:
    host = upstream.origin.partition("://")[2]
    host = host[1:].partition("]")[0] if host.startswith("[") else host.partition(":")[0]
    is_ip = _is_ip(host)
    trusted = {"filename": plane.authorities_file} if upstream.authorities is None else {"inline_string": upstream.authorities}
    context: Json = {
        "tls_params": {"tls_minimum_protocol_version": "TLSv1_2", "tls_maximum_protocol_version": "TLSv1_3"},
        "alpn_protocols": ["http/1.1"],
        "validation_context": {
            "trusted_ca": trusted,
            "match_typed_subject_alt_names": [{"san_type": "IP_ADDRESS" if is_ip else "DNS", "matcher": {"exact": host}}],
        },
    }
    if shown is not None:
        files = {"certificate_chain": {"filename": f"{shown}.pem"}, "private_key": {"filename": f"{shown}.key"}}
        context["tls_certificates"] = [files]
    # A number has no name that could be asked for.
    asked = {} if is_ip else {"sni": host}
    return typed(_TLS + "UpstreamTlsContext", common_tls_context=context, **asked)


def _is_ip(host: str) -> bool:
    try:
        ipaddress.ip_address(host.strip("[]"))
    except ValueError:
        return False
    return True
