"""What the operator's staff finds: things of any organization, as much of them as tells which is meant."""

from enum import Enum
from typing import Annotated, Any

import strawberry

from graphql_gateway.engine.declare import derived, reads
from graphql_gateway.engine.run import Tagged
from graphql_gateway.schema.certificates import CertificateStatus
from graphql_gateway.schema.described import enum, type_
from graphql_gateway.schema.scalars import DateTime

_NO_ORGANIZATION = "Null where the organization was deleted."


@enum
class FoundBy(Enum):
    """By what something was found."""

    ID = "ID"
    NAME = "NAME"
    CLIENT_ID = "CLIENT_ID"
    NUMBER = "NUMBER"
    SERIAL_NUMBER = "SERIAL_NUMBER"
    THUMBPRINT = "THUMBPRINT"
    SUBJECT = "SUBJECT"


@type_
class FoundOrganization:
    """An organization, as the operator's staff finds it."""

    id: strawberry.ID
    name: str
    is_test: bool
    is_provider: bool
    created_at: DateTime
    owner_id: strawberry.ID


@type_
class FoundApplication:
    """An application, as the operator's staff finds it."""

    id: strawberry.ID
    name: str
    client_id: str
    created_at: DateTime
    organization_id: strawberry.ID
    organization_name: str | None = reads(says=_NO_ORGANIZATION)


@type_
class FoundDataExchange:
    """A data exchange, as the operator's staff finds it."""

    id: strawberry.ID
    number: str = reads(says="The data-exchange identification number.")
    assigned_at: DateTime
    organization_id: strawberry.ID
    organization_name: str | None = reads(says=_NO_ORGANIZATION)


@type_
class FoundCertificate:
    """A client certificate, as the operator's staff finds it; revoked ones, too."""

    id: strawberry.ID
    label: str | None = reads("name", says="What people call it.")
    subject: str
    serial_number: str
    thumbprint: str
    status: CertificateStatus
    not_before: DateTime
    not_after: DateTime
    revoked_at: DateTime | None
    organization_id: strawberry.ID
    organization_name: str | None = reads(says=_NO_ORGANIZATION)
    application_id: strawberry.ID | None = reads(says="The application that it proves; null where it proves every one.")


FoundThing = Annotated[
    FoundOrganization | FoundApplication | FoundDataExchange | FoundCertificate,
    strawberry.union("FoundThing", description="What can be found."),
]
_TYPES = {
    "ORGANIZATION": "FoundOrganization",
    "APPLICATION": "FoundApplication",
    "DATA_EXCHANGE": "FoundDataExchange",
    "CERTIFICATE": "FoundCertificate",
}


def _thing(row: Any) -> Tagged:
    return Tagged(_TYPES[row["kind"]], row["thing"])


@type_
class Finding:
    """One thing that answers what was looked for."""

    by: FoundBy
    thing: FoundThing = derived(_thing)


@type_
class Findings:
    """What answers, the best first."""

    found: list[Finding] = reads(is_paged=True)
    has_more: bool = reads(says="Whether there is more: write more of the name then.")
