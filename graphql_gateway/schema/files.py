"""Files: what people have sent, and what was found out about their signatures."""

from enum import Enum

from graphql_gateway.engine.declare import Load, Parent, loads, reads
from graphql_gateway.schema.described import enum, type_
from graphql_gateway.schema.nodes import Node
from graphql_gateway.schema.scalars import DateTime
from graphql_gateway.schema.services import IDENTITY
from graphql_gateway.schema.signatures import SignatureFinding


@enum
class Examination(Enum):
    """Whether a document's signatures were examined: they wait for it, they are, or it could not be done."""

    WAITING = "WAITING"
    DONE = "DONE"
    FAILED = "FAILED"


@type_
class File(Node):
    """An uploaded file. Its bytes are sent to `POST /files` and fetched from `GET /files/{id}`."""

    name: str
    content_type: str = reads(says="What its bytes tell, whatever it was called.")
    size: int = reads(says="In bytes.")
    sha256: str = reads(says="In hexadecimal.")
    uploaded_at: DateTime
    expires_at: DateTime | None = reads(says="When it is removed unless it is attached to something.")
    examination: Examination | None = loads(
        Load(IDENTITY, "examinations_by_file", Parent("id")), says="Null as long as it is attached to nothing."
    )
    finding: SignatureFinding | None = loads(
        Load(IDENTITY, "findings_by_file", Parent("id")),
        says="All that was found out about its signatures; null until it is examined.",
    )
