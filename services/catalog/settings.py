"""What differs per place for the catalogue."""

from typing import Self

from pydantic import AliasChoices, Field, model_validator
from pydantic_settings import SettingsConfigDict

from chassis.outward import Allowed, Network, read_networks, read_ports
from chassis.settings import Settings


class CatalogSettings(Settings):
    """The catalogue's settings."""

    model_config = SettingsConfigDict(env_prefix="PORTICO_CATALOG_", populate_by_name=True)

    calls_url: str = Field(
        "http://127.0.0.1:8080",
        description="Address of the data plane, as callers reach it; a version's call URL is this and its base path.",
    )
    document_max_bytes: int = Field(
        10 * 1024 * 1024,
        ge=1024,
        le=12 * 1024 * 1024,
        description="Largest OpenAPI document that can be imported, in bytes of UTF-8.",
    )
    document_seconds: float = Field(
        8.0,
        gt=0,
        le=60,
        description="Longest time that reading one document may compute, and a third of what the clock may show.",
    )
    document_memory_bytes: int = Field(
        2 * 1024**3, ge=256 * 1024**2, description="Most address space that the program reading a document may take."
    )
    comparison_patience_seconds: float = Field(
        4.0,
        gt=0,
        le=60,
        description="Longest time that somebody waits for two versions to be compared; the comparison goes on and is kept.",
    )
    documents_at_once: int = Field(2, ge=1, le=64, description="How many documents are read at the same time; more of them wait.")
    document_url_seconds: float = Field(
        10.0, gt=0, le=20, description="Longest time that fetching one document from an address may take, with all redirects."
    )
    document_url_ports: str = Field("443,80", description="Ports, separated by commas, from which documents are fetched.")
    document_url_insecure: bool = Field(
        False, description="Whether documents are fetched by plain http too: for development alone."
    )
    document_url_networks: str = Field(
        "",
        description="Networks, separated by commas, from which documents are fetched although not public, as in 127.0.0.0/8.",
    )
    upstream_ports: str = Field(
        "443,8443",
        description="Ports, separated by commas, that versions' upstreams may have.",
        validation_alias=AliasChoices("PORTICO_CATALOG_UPSTREAM_PORTS", "PORTICO_UPSTREAM_PORTS"),
    )
    upstream_networks: str = Field(
        "",
        description="Networks, separated by commas, in which upstreams may be although they are not public, as in 10.2.0.0/16.",
        validation_alias=AliasChoices("PORTICO_CATALOG_UPSTREAM_NETWORKS", "PORTICO_UPSTREAM_NETWORKS"),
    )
    upstream_insecure: bool = Field(
        False,
        description="Whether upstreams may be called by plain http.",
        validation_alias=AliasChoices("PORTICO_CATALOG_UPSTREAM_INSECURE", "PORTICO_UPSTREAM_INSECURE"),
    )
    upstream_loopback: bool = Field(
        False,
        description="Whether upstreams may be on this machine, at any port and by plain http: for development alone.",
        validation_alias=AliasChoices("PORTICO_CATALOG_UPSTREAM_LOOPBACK", "PORTICO_UPSTREAM_LOOPBACK"),
    )
    sandbox_cache_operations: int = Field(
        2000, ge=1, description="How many operations' sandbox answers are kept in memory; the least lately used one leaves first."
    )

    @model_validator(mode="after")
    def _check_addresses(self) -> Self:
        _ = self.url_ports, self.url_networks, self.upstreams_allowed
        return self

    @property
    def upstreams_allowed(self) -> Allowed:
        """Return where the calls of versions may go."""
        networks = read_networks(self.upstream_networks)
        ports = read_ports(self.upstream_ports)
        return Allowed(ports, networks, insecure=self.upstream_insecure, loopback=self.upstream_loopback)

    @property
    def url_ports(self) -> frozenset[int]:
        """Return the ports from which documents are fetched."""
        return read_ports(self.document_url_ports)

    @property
    def url_networks(self) -> tuple[Network, ...]:
        """Return the networks from which documents are fetched although they are not public."""
        return read_networks(self.document_url_networks)
