"""Releases: the APIs of a product, their versions, and what each version's document describes."""

from enum import Enum
from typing import Any

import strawberry

from graphql_gateway.engine.declare import Argument, Load, Parent, Parts, asks, later, loads, planned, reads
from graphql_gateway.schema.described import enum, type_
from graphql_gateway.schema.nodes import Node
from graphql_gateway.schema.scalars import URL, DateTime
from graphql_gateway.schema.services import ENFORCEMENT

_CATALOG = "catalog"
OPERATIONS_SIZE = 50
COMPARISON_WEIGHT = 200.0  # two documents are read, once for each pair
DOCUMENT_WEIGHT = 1000.0  # each may be as large as ten megabytes


@enum
class VersionStatus(Enum):
    """Where a version stands in its life: a deprecated one can be called until its sunset, a retired one only be read."""

    DRAFT = "DRAFT"
    PUBLISHED = "PUBLISHED"
    DEPRECATED = "DEPRECATED"
    RETIRED = "RETIRED"


@enum
class Environment(Enum):
    """What answers calls: the provider's own system, or the sandbox, which answers from the document."""

    PRODUCTION = "PRODUCTION"
    SANDBOX = "SANDBOX"


@enum
class UpstreamProblem(Enum):
    """Why calls do not get through to an upstream."""

    NAME_NOT_RESOLVED = "NAME_NOT_RESOLVED"
    ADDRESS_NOT_ALLOWED = "ADDRESS_NOT_ALLOWED"
    NOT_ANSWERING = "NOT_ANSWERING"
    CERTIFICATE_NOT_ACCEPTED = "CERTIFICATE_NOT_ACCEPTED"


@type_
class UpstreamState:
    """How an upstream is found by the platform: by its name, and by connecting to it when this is asked."""

    problem: UpstreamProblem | None = reads(says="Null where none is known.")
    resolved_at: DateTime | None = reads(says="When its name was last resolved; null where nobody answers for it.")
    addresses: int = reads(says="How many addresses it stands for that may be called.")
    is_allowed: bool = reads(says="False where it leads to an address that no call may go to.")
    tried_at: DateTime | None = reads(says="When it was last connected to, at most once in ten seconds; null where it was not.")
    silent_since: DateTime | None = reads(says="The first of the last attempts in a row that failed; null while it answers.")


@type_
class VersionUpstream:
    """The provider's own system that answers a version's calls in production."""

    url: URL
    timeout_seconds: int
    host_header: str | None = reads(says="What it is called by, where that is not the address's own name.")
    authorities: str | None = reads(says="Certificates (PEM) that sign its own; null: those that the world trusts.")
    client_certificate: str | None = reads(says="The name of the certificate that the data plane shows to it.")
    state: UpstreamState | None = loads(
        Load(ENFORCEMENT, "upstream_states", Parts({"version_id": Parent("version_id"), "url": Parent("url")})),
        says="How it is found; null until the data plane has heard of it, which it does not of a draft's.",
    )


@type_
class Operation:
    """One operation of a version."""

    operation_id: str | None
    method: str
    path: str
    summary: str | None


@type_
class ApiDocument:
    """A document of a version: in OpenAPI as it is used, or as it was imported."""

    text: str
    media_type: str


@type_
class VersionChange:
    """One step of a version's life."""

    status: VersionStatus
    at: DateTime
    actor: strawberry.ID | None
    reason: str | None = reads(says="The note of a deprecation, or why a version was retired despite its traffic.")
    sunset_at: DateTime | None


@type_
class VersionSource:
    """Where a version's document came from; without an address where it was handed in."""

    url: URL | None
    etag: str | None = reads(says="What its server called this state of it.")
    fetched_at: DateTime | None
    sha256: str = reads(says="Of the imported text in UTF-8.")


@type_
class Version(Node):
    """A release of an API."""

    label: str
    status: VersionStatus
    base_path: str
    call_url: URL | None = reads(says="Where it is called.")
    answered_by: Environment | None = reads(says="What answers there: the sandbox, until it has an upstream.")
    sandbox_url: URL | None = reads(says="Where the sandbox always answers.")
    upstream: VersionUpstream | None = loads(
        Load(_CATALOG, "upstreams_by_version", Parent("id")), says="What answers in production, for the provider's members."
    )
    published_at: DateTime | None
    is_callable: bool
    deprecated_at: DateTime | None
    sunset_at: DateTime | None = reads(says="Until when a deprecated version can be called, as its callers were told.")
    retired_at: DateTime | None
    deprecation_note: str | None
    migrate_to: Any = loads(
        Load(_CATALOG, "versions_by_id", Parent("migrate_to_id")),
        later("releases", "Version"),
        says="Where callers of a deprecated version are to go.",
    )
    history: list[VersionChange] | None = loads(
        Load(_CATALOG, "history_by_version", Parent("id"), size=5),
        says="The steps of its life, for its provider and the operator.",
    )
    warnings: list[str] | None = reads(says="What the provider should know of a version that was published just now.")
    openapi_version: str | None
    product_id: strawberry.ID
    operation_count: int | None = reads("operations_count")
    operations: list[Operation] | None = loads(
        Load(_CATALOG, "operations_by_version", Parent("id"), size=OPERATIONS_SIZE), says="What can be called."
    )
    document: ApiDocument | None = loads(Load(_CATALOG, "documents_by_version", Parent("id"), weight=DOCUMENT_WEIGHT))
    original_document: ApiDocument | None = loads(
        Load(_CATALOG, "originals_by_version", Parent("id"), weight=DOCUMENT_WEIGHT),
        says="What was imported, where it had to be converted into OpenAPI 3.",
    )
    source: VersionSource | None = loads(
        Load(_CATALOG, "sources_by_version", Parent("id")), says="Where the document came from, for the provider's members."
    )

    @asks(
        Load(
            _CATALOG,
            "comparisons",
            Parts({"former": Parent("id"), "later": Argument("version_id")}),
            weight=COMPARISON_WEIGHT,
        ),
        later("versions", "VersionComparison"),
    )
    def compare_to(self, version_id: strawberry.ID) -> Any:
        """Say what is different in another version of the same API, as callers of this one see it."""
        planned(version_id)


@type_
class Api(Node):
    """One described interface within a product."""

    slug: str
    title: str
    versions: list[Version] = reads(size=2)
