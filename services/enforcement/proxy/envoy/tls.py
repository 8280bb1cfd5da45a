"""The TLS door of the proxy: it takes calls like the plain one, asks callers for a certificate, and lets clients ask for tokens.

Any certificate gets through the handshake, and none is needed: what one is worth follows from its registration (RFC 8705). What
the handshake has shown travels on in two headers that no caller can set: to the check the certificate's hash, in
``x-forwarded-client-cert``; to the authorization server the certificate itself.
"""

from collections.abc import Iterable

from services.enforcement.proxy.envoy import configuration as envoy
from services.enforcement.proxy.envoy import routing
from services.enforcement.proxy.envoy.configuration import CERTIFIED, Door, Json, typed
from services.enforcement.proxy.plane import (
    CERTIFICATE_HEADER,
    CERTIFIED_HEADER,
    CIPHERS,
    FORWARDED_CERTIFICATE,
    OAUTH_PATHS,
    OAUTH_ROUTE,
    DataPlane,
    TlsDoor,
)
from services.enforcement.proxy.published import Published

ROUTES = "calls-tls"
ROUTES_FILE = "routes-tls.json"
SECRETS_FILE = "certificate.json"
_SERVER = "server"
_TLS = "extensions.transport_sockets.tls.v3."
_HANDSHAKE_TIMEOUT = "10s"
# Every kind of key that can be registered, and none else; without this list P-521 and Ed25519 would not get in.
_SIGNATURES = (
    "ecdsa_secp256r1_sha256",
    "ed25519",
    "rsa_pss_rsae_sha256",
    "ecdsa_secp384r1_sha384",
    "rsa_pss_rsae_sha384",
    "ecdsa_secp521r1_sha512",
    "rsa_pss_rsae_sha512",
    "rsa_pkcs1_sha256",
    "rsa_pkcs1_sha384",
    "rsa_pkcs1_sha512",
)
_DOOR = Door("calls-tls", ROUTES, ROUTES_FILE, forwards_certificate=True)


def listeners(plane: DataPlane) -> list[Json]:
    """Return the TLS listener, where there is one."""
    if plane.tls is None:
        return []
    socket = {"name": "envoy.transport_sockets.tls", "typed_config": _context(plane)}
    chain = {"transport_socket": socket, "transport_socket_connect_timeout": _HANDSHAKE_TIMEOUT}
    return [envoy.listener(plane, plane.tls.address, _DOOR, chain)]


def _context(plane: DataPlane) -> Json:
    assert plane.tls is not None
    if plane.fleet is None:
        shown: Json = {"tls_certificate_sds_secret_configs": [{"name": _SERVER, "sds_config": envoy.source(plane, SECRETS_FILE)}]}
    else:
        # Keys are not handed out: each member has its own, and reads it when it starts.
        shown = {"tls_certificates": [_files(plane.tls)]}
    return typed(
        _TLS + "DownstreamTlsContext",
        common_tls_context={
            "tls_params": {
                "tls_minimum_protocol_version": "TLSv1_2",
                "tls_maximum_protocol_version": "TLSv1_3",
                "cipher_suites": list(CIPHERS),
                "signature_algorithms": list(_SIGNATURES),
            },
            "alpn_protocols": ["h2", "http/1.1"],
            **shown,
            "validation_context": {"trust_chain_verification": "ACCEPT_UNTRUSTED"},
        },
        require_client_certificate=False,
    )


def secrets(plane: DataPlane) -> Json:
    """Return where the server's certificate and key are; Envoy reads them again when they change."""
    assert plane.tls is not None
    certificate = {**_files(plane.tls), "watched_directory": {"path": str(plane.tls.certificate_file.parent)}}
    return {"resources": [typed(_TLS + "Secret", name=_SERVER, tls_certificate=certificate)]}


def _files(door: TlsDoor) -> Json:
    return {
        "certificate_chain": {"filename": str(door.certificate_file)},
        "private_key": {"filename": str(door.key_file)},
    }


def routes(plane: DataPlane, published: Iterable[Published]) -> Json:
    """Return the routes of what is published, and those to the authorization server."""
    own = [_oauth_route(plane, path) for path in OAUTH_PATHS] if plane.certified_address else []
    return routing.routes(plane, published, ROUTES, own)


def _oauth_route(plane: DataPlane, path: str) -> Json:
    def set_header(name: str, value: str) -> Json:
        return {"header": {"key": name, "value": value}, "append_action": "OVERWRITE_IF_EXISTS_OR_ADD"}

    unchecked = typed("extensions.filters.http.ext_authz.v3.ExtAuthzPerRoute", disabled=True)
    return {
        "name": OAUTH_ROUTE,
        "match": {"path": path},
        "route": {"cluster": CERTIFIED, "timeout": f"{plane.upstream_timeout_seconds:g}s"},
        "request_headers_to_add": [
            set_header(CERTIFICATE_HEADER, "%DOWNSTREAM_PEER_CERT%"),
            set_header(CERTIFIED_HEADER, plane.certified_secret.replace("%", "%%")),
        ],
        "request_headers_to_remove": [FORWARDED_CERTIFICATE],
        "typed_per_filter_config": {"envoy.filters.http.ext_authz": unchecked},
    }
