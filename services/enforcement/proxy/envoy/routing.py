"""Envoy's routes: which path goes where, under which bounds, and what of its headers goes along."""

import re
from collections.abc import Iterable, Sequence

from services.enforcement.checks.answers import VERDICT_HEADER
from services.enforcement.proxy.envoy.clusters import name_of
from services.enforcement.proxy.envoy.configuration import ROUTES, SANDBOX_CLUSTER, Json, through_open_check, typed
from services.enforcement.proxy.envoy.replies import SANDBOX_ROUTE, route_name
from services.enforcement.proxy.plane import FORWARDED_CERTIFICATE, NOT_FROM_UPSTREAMS, DataPlane
from services.enforcement.proxy.published import Published
from services.enforcement.state.upstreams import PRODUCTION, SANDBOX, SANDBOX_PREFIX, Upstream


def routes(plane: DataPlane, published: Iterable[Published], name: str = ROUTES, others: Sequence[Json] = ()) -> Json:
    """Return the routes of what is published. Any other path has none: the proxy answers 404 by itself."""
    request_id = {"key": "x-request-id", "value": "%REQ(X-REQUEST-ID)%"}
    host = {
        "name": name,
        "domains": ["*"],
        "response_headers_to_add": [{"header": request_id, "append_action": "OVERWRITE_IF_EXISTS_OR_ADD"}],
        "response_headers_to_remove": [*NOT_FROM_UPSTREAMS, VERDICT_HEADER],
        "matcher": _found_by_path([*others, _in_sandbox(plane), *(_in_production(plane, each) for each in published)]),
    }
    return typed("config.route.v3.RouteConfiguration", name=name, virtual_hosts=[host])


def _found_by_path(found: Iterable[Json]) -> Json:
    """Return a tree of routes: however many there are, a call's own is found by the longest beginning of its path.

    A list would be gone through for each call. No path of ours begins with another; and each route looks at the path once more,
    since what begins with a base path need not lie below it.
    """
    path = typed("type.matcher.v3.HttpRequestHeaderMatchInput", header_name=":path")
    leads = {
        each["match"].get("path_separated_prefix") or each["match"]["path"]: {
            "action": {"name": "route", "typed_config": {**typed("config.route.v3.Route"), **each}}
        }
        for each in found
    }
    tree = {"input": {"name": "path", "typed_config": path}, "prefix_match_map": {"map": leads}}
    return {"matcher_tree": tree}


def _in_production(plane: DataPlane, published: Published) -> Json:
    base_path, upstream = published.base_path, published.upstream
    if upstream is None:
        return _route(base_path, _to_sandbox(plane), _name(published, SANDBOX), published)
    return _route(base_path, _to_upstream(base_path, upstream), _name(published, PRODUCTION), published)


def _in_sandbox(plane: DataPlane) -> Json:
    """Return the one route to the sandbox of every version: which there are, the check knows."""
    rewriting = {"regex_rewrite": {"pattern": {"regex": f"^{SANDBOX_PREFIX}/?"}, "substitution": "/"}}
    return _route(SANDBOX_PREFIX, {**_to_sandbox(plane), **rewriting}, SANDBOX_ROUTE)


def _to_sandbox(plane: DataPlane) -> Json:
    return {"cluster": SANDBOX_CLUSTER, "timeout": f"{plane.upstream_timeout_seconds:g}s"}


def _name(published: Published, environment: str) -> str:
    return route_name(published.product_id, published.version_id, environment)


def _to_upstream(base_path: str, upstream: Upstream) -> Json:
    return {
        "cluster": name_of(upstream),
        "timeout": f"{upstream.timeout_seconds:g}s",
        "host_rewrite_literal": upstream.host,
        "regex_rewrite": {"pattern": {"regex": f"^{re.escape(base_path)}/?"}, "substitution": f"{upstream.prefix}/"},
        # Only what cannot have reached the upstream is tried once more.
        "retry_policy": {"retry_on": "connect-failure,refused-stream,reset-before-request", "num_retries": 1},
    }


def _route(path: str, action: Json, name: str, published: Published | None = None) -> Json:
    route = {
        "name": name,
        "match": {"path_separated_prefix": path},
        "route": action,
        # The access token is for us alone: an upstream that kept it could call other products in the application's name.
        "request_headers_to_remove": ["authorization", FORWARDED_CERTIFICATE],
    }
    if published is None or not published.stays_open:
        return route
    told = {"x-portico-product": published.product_id, "x-portico-version": published.version_id}
    # Of a call that passes unchecked no more is known than where it goes.
    added = [{"header": {"key": key, "value": value}, "append_action": "ADD_IF_ABSENT"} for key, value in told.items()]
    return {**route, "request_headers_to_add": added, "typed_per_filter_config": through_open_check()}
