"""What a member of a fleet starts with: who it is, and where it asks for everything else."""

from services.enforcement.proxy.envoy import configuration as envoy
from services.enforcement.proxy.envoy.configuration import DISCOVERY, Json, socket_address, typed
from services.enforcement.proxy.plane import DataPlane

_OPTIONS = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions"
_HTTP = "extensions.filters.http."


def bootstrap(plane: DataPlane) -> Json:
    """Return a member's bootstrap. It holds the secret: it is for the member alone."""
    return {**envoy.bootstrap(plane), "static_resources": {"clusters": [_discovery(plane)]}}


def _discovery(plane: DataPlane) -> Json:
    assert plane.fleet is not None
    shown = {"header": {"key": "authorization", "value": f"Bearer {plane.fleet.secret}"}}
    mutations = {"request_mutations": [{"append": {**shown, "append_action": "OVERWRITE_IF_EXISTS_OR_ADD"}}]}
    filters = [
        {
            "name": "envoy.filters.http.header_mutation",
            "typed_config": typed(_HTTP + "header_mutation.v3.HeaderMutation", mutations=mutations),
        },
        {"name": "envoy.filters.http.upstream_codec", "typed_config": typed(_HTTP + "upstream_codec.v3.UpstreamCodec")},
    ]
    options = typed(
        "extensions.upstreams.http.v3.HttpProtocolOptions",
        explicit_http_config={"http_protocol_options": {}},
        http_filters=filters,
    )
    endpoint = {"endpoint": {"address": socket_address(plane.fleet.address)}}
    return {
        "name": DISCOVERY,
        "type": "STRICT_DNS",
        "connect_timeout": "2s",
        "typed_extension_protocol_options": {_OPTIONS: options},
        "load_assignment": {"cluster_name": DISCOVERY, "endpoints": [{"lb_endpoints": [endpoint]}]},
    }
