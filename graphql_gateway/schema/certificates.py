"""Client certificates: by which an organization's applications prove themselves in TLS (RFC 8705)."""

from enum import Enum
from typing import Annotated, Any

import strawberry

from graphql_gateway.engine.declare import Argument, Load, Parent, asks, does, later, loads, planned, reads
from graphql_gateway.schema.described import enum, input_, type_
from graphql_gateway.schema.nodes import Connection, Id, Node
from graphql_gateway.schema.problems import Problem
from graphql_gateway.schema.scalars import DateTime

_IDENTITY = "identity"
SHOWN_OF_APPLICATION = 20
DEFAULT_DAYS = 30


@enum
class CertificateStatus(Enum):
    """What a certificate is worth now. EXPIRING: valid, but for no more than 30 days. SUSPENDED: until it is confirmed."""

    NOT_YET_VALID = "NOT_YET_VALID"
    VALID = "VALID"
    EXPIRING = "EXPIRING"
    EXPIRED = "EXPIRED"
    REVOKED = "REVOKED"
    SUSPENDED = "SUSPENDED"


@type_
class Certificate(Node):
    """A client certificate that proves one application of an organization, or every one."""

    name: str | None
    subject: str = reads(says="Whom the certificate names, as RFC 4514 writes it.")
    issuer: str = reads(says="Who signed it.")
    serial_number: str = reads(says="Its issuer's number for it, in hexadecimal digits.")
    thumbprint: str = reads(says="The SHA-256 of the certificate in base64url: what bound tokens carry (`x5t#S256`).")
    not_before: DateTime
    not_after: DateTime
    status: CertificateStatus
    registered_at: DateTime
    revoked_at: DateTime | None
    revocation_reason: str | None
    last_used_at: DateTime | None = reads(says="When a token was last issued for it, to about a minute.")
    chained_to: str | None = reads(says="The accepted issuer that it was traced to; null where every issuer is accepted.")
    organization_id: strawberry.ID
    application_id: strawberry.ID | None = reads(says="The application that it proves; null where it proves every one.")
    organization: Any = loads(
        Load(_IDENTITY, "organizations_by_id", Parent("organization_id")), later("organizations", "Organization")
    )
    application: Any = loads(
        Load(_IDENTITY, "applications_by_id", Parent("application_id")), later("applications", "Application")
    )


CertificateConnection = Connection[Certificate]


@type_
class CertificateQueries:
    """What may be asked of certificates at the root."""

    @asks(Load(_IDENTITY, "certificates_by_id", Argument("id")))
    def certificate(self, id_: Id) -> Certificate | None:
        """Read one client certificate."""
        planned(id_)


@input_
class RegisterCertificateInput:
    """A client certificate for one application, or for all of an organization: give one of the two ids."""

    application_id: strawberry.ID | None = strawberry.UNSET
    organization_id: strawberry.ID | None = strawberry.UNSET
    pem: str = strawberry.field(
        description="The certificate in PEM, at most 32 KiB; certificates of its issuers may follow. Never a private key."
    )
    name: str | None = strawberry.field(default=strawberry.UNSET, description="What people call it.")


@input_
class RevokeCertificateInput:
    """Which certificate ends, and why."""

    certificate_id: strawberry.ID
    reason: str | None = strawberry.UNSET


@type_
class CertificateMutations:
    """What is done with client certificates."""

    @does(_IDENTITY, "register_certificate")
    def register_certificate(
        self, input_: Annotated[RegisterCertificateInput, strawberry.argument(name="input")]
    ) -> Annotated[Certificate | Problem, strawberry.union("RegisterCertificateResult")]:
        """Register a client certificate. At most two are live for the same purpose, so that one can succeed the other."""
        planned(input_)

    @does(_IDENTITY, "revoke_certificate")
    def revoke_certificate(
        self, input_: Annotated[RevokeCertificateInput, strawberry.argument(name="input")]
    ) -> Annotated[Certificate | Problem, strawberry.union("RevokeCertificateResult")]:
        """Revoke a client certificate for good; tokens issued for it are refused from now on."""
        planned(input_)
