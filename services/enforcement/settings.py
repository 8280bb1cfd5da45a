"""What differs per place for enforcement."""

import re
from pathlib import Path
from typing import Literal, Self

from pydantic import AliasChoices, Field, SecretStr, field_validator, model_validator
from pydantic_settings import SettingsConfigDict

from chassis.outward import Allowed, read_networks, read_ports
from chassis.settings import Settings


class EnforcementSettings(Settings):
    """Settings of enforcement, read from ``PORTICO_ENFORCEMENT_…``."""

    model_config = SettingsConfigDict(env_prefix="PORTICO_ENFORCEMENT_", populate_by_name=True)

    keys_dir: Path = Field(
        Path("var/keys"),
        description="Folder of the public keys; `tokens.public.json` verifies access tokens.",
        validation_alias=AliasChoices("PORTICO_ENFORCEMENT_KEYS_DIR", "PORTICO_KEYS_DIR"),
    )
    token_issuer: str = Field("http://127.0.0.1:8000", description="The issuer that access tokens must name.")
    token_audience: str = Field("portico:calls", description="The audience that access tokens must name.")
    check_host: str = Field("127.0.0.1", description="The address that the check listens on.")
    check_port: int = Field(0, description="The port that the check listens on; 0 takes a free one.")
    check_address: str = Field(
        "",
        description="Host and port at which the proxy reaches the check; empty means a socket in the folder that both share,"
        " and for other proxies the address that it listens on.",
    )
    peers_host: str = Field(
        "127.0.0.1", description="The address that other instances of enforcement ask this one about limits at."
    )
    peers_port: int = Field(0, description="The port that other instances ask at; 0 takes a free one.")
    peers_address: str = Field(
        "", description="Host and port at which other instances reach that port; empty means the address that it listens on."
    )
    sandbox_address: str = Field(
        "127.0.0.1:8081", description="Host and port of the sandbox, which answers for versions without an upstream."
    )
    data_plane: Path | None = Field(
        Path("var/dataplane"),
        description="Folder shared with the proxy: its configuration, and its log for `portico ship`. `none`: only checks.",
    )
    proxy: Literal["envoy", "nginx"] = Field("envoy", description="The proxy that takes calls: `envoy` or `nginx`.")
    proxy_host: str = Field("127.0.0.1", description="The address that the proxy takes calls on.")
    proxy_port: int = Field(8080, description="The port that the proxy takes calls on.")
    proxy_tls_port: int = Field(
        0, ge=0, le=65535, description="The port that the proxy takes calls on over TLS, with client certificates; 0: none."
    )
    tls_certificate_file: Path = Field(
        Path("var/keys/tls/server.pem"), description="The proxy's TLS certificate (PEM, with its issuers), as the proxy finds it."
    )
    tls_key_file: Path = Field(Path("var/keys/tls/server.key"), description="The key of that certificate (PEM, mode 0600).")
    certified_address: str = Field(
        "",
        description="Host and port of the gateway's certified edge, for token requests over TLS; empty: none are taken there.",
    )
    certified_secret: SecretStr = Field(
        SecretStr(""),
        description="What the proxy shows to the gateway's certified edge, which has the same setting.",
        validation_alias=AliasChoices("PORTICO_ENFORCEMENT_CERTIFIED_SECRET", "PORTICO_CERTIFIED_SECRET"),
    )
    trial_address: str = Field(
        "", description="Host and port at which trials of operations reach the proxy; empty means the address it takes calls on."
    )
    trial_seconds: float = Field(20.0, gt=0, le=25, description="How long the call of a trial may take.")
    trial_response_bytes: int = Field(
        256 * 1024, ge=1024, le=1024 * 1024, description="How much of the answer to a trial is read and shown."
    )
    trials_at_once: int = Field(32, ge=1, description="How many trials run at the same time.")
    trials_at_once_of_one: int = Field(4, ge=1, description="How many trials of one organization run at the same time.")
    discovery_port: int = Field(
        0, ge=0, le=65535, description="The port at which a fleet of proxies asks for its configuration; 0: there is none."
    )
    discovery_host: str = Field("127.0.0.1", description="The address that is listened on for the fleet.")
    discovery_address: str = Field(
        "", description="Host and port at which the fleet reaches that; empty means the address that is listened on."
    )
    discovery_secret: SecretStr = Field(
        SecretStr(""), description="What members of the fleet show: at least 32 letters, digits, hyphens and underscores."
    )
    fleet_folder: Path = Field(
        Path("/data-plane"), description="Where a member of the fleet has its log and its certificates, as it finds it."
    )
    proxy_admin_address: str = Field(
        "127.0.0.1:0", description="Host and port of the proxy's own administration; port 0 takes a free one, written to a file."
    )
    log_bytes: int = Field(
        64 * 2**20, ge=1, description="How large the proxy's log grows before the shipper has a new one begun and deletes it."
    )
    proxy_threads: int = Field(1, description="Worker threads of the proxy.")
    proxy_max_connections: int = Field(10_000, description="Connections that the proxy holds open at most.")
    upstream_timeout_seconds: float = Field(15.0, description="How long the sandbox may take to answer.")
    upstream_calls: int = Field(500, ge=1, description="Calls that run to one upstream at a time at most; more are refused.")
    upstream_seconds: float = Field(30.0, gt=0, description="How often an upstream's name is resolved and judged anew.")
    upstream_authorities_file: str = Field(
        "/etc/ssl/certs/ca-certificates.crt",
        description="Certificates (PEM) of the authorities that the world trusts, as the proxy finds them.",
    )
    upstream_ports: str = Field(
        "443,8443",
        description="Ports, separated by commas, that versions' upstreams may have.",
        validation_alias=AliasChoices("PORTICO_ENFORCEMENT_UPSTREAM_PORTS", "PORTICO_UPSTREAM_PORTS"),
    )
    upstream_networks: str = Field(
        "",
        description="Networks, separated by commas, in which upstreams may be although they are not public, as in 10.2.0.0/16.",
        validation_alias=AliasChoices("PORTICO_ENFORCEMENT_UPSTREAM_NETWORKS", "PORTICO_UPSTREAM_NETWORKS"),
    )
    upstream_insecure: bool = Field(
        False,
        description="Whether upstreams may be called by plain http.",
        validation_alias=AliasChoices("PORTICO_ENFORCEMENT_UPSTREAM_INSECURE", "PORTICO_UPSTREAM_INSECURE"),
    )
    upstream_loopback: bool = Field(
        False,
        description="Whether upstreams may be on this machine, at any port and by plain http: for development alone.",
        validation_alias=AliasChoices("PORTICO_ENFORCEMENT_UPSTREAM_LOOPBACK", "PORTICO_UPSTREAM_LOOPBACK"),
    )
    drain_seconds: int = Field(5, description="How long the proxy lets running calls end when it is drained.")
    open_test_requests: int = Field(
        5, description="Calls per second and application to an open test product, without a subscription."
    )
    open_test_burst: int = Field(10, description="Calls at once and application to an open test product, without a subscription.")
    fresh_seconds: float = Field(
        10.0,
        ge=2,
        description="How long the check goes by its memory without a sign that it hears of changes; then nothing passes.",
    )

    @field_validator("data_plane", mode="before")
    @classmethod
    def _read_none(cls, value: object) -> object:
        return None if value == "none" else value

    @model_validator(mode="after")
    def _check_upstreams(self) -> Self:
        _ = self.upstreams_allowed
        if self.discovery_port and not re.fullmatch(r"[A-Za-z0-9_-]{32,}", self.discovery_secret.get_secret_value()):
            raise ValueError("a fleet needs PORTICO_ENFORCEMENT_DISCOVERY_SECRET: 32 letters, digits, hyphens and underscores")
        return self

    @property
    def upstreams_allowed(self) -> Allowed:
        """Return where the calls of versions may go."""
        networks = read_networks(self.upstream_networks)
        ports = read_ports(self.upstream_ports)
        return Allowed(ports, networks, insecure=self.upstream_insecure, loopback=self.upstream_loopback)
