"""One file, examined to its end: from bytes to a finding, in this very process (``judge`` has it done apart)."""

from datetime import datetime

from services.identity.signatures import pdf
from services.identity.signatures.anchors import Anchors
from services.identity.signatures.asice import examining as asice
from services.identity.signatures.chains import Tracer
from services.identity.signatures.concluding import MOST_BYTES, concluded, kind_of
from services.identity.signatures.findings import Examined, Finding, Kind, Refused


async def examine(content: bytes, file_name: str, anchors: Anchors, at: datetime) -> Finding:
    """Return the finding on a file; ``at`` is the time of judging."""
    kind = kind_of(content)
    try:
        examined = await _examined(kind, content, file_name, Tracer(anchors), at=at)
    except Refused as refused:
        is_foreign = refused.trouble.code in ("KIND_NOT_SUPPORTED", "MIMETYPE_WRONG")
        examined = Examined("OTHER" if is_foreign else kind, (refused.trouble,))
    return concluded(examined, content, file_name, at)


async def _examined(kind: Kind, content: bytes, file_name: str, tracer: Tracer, *, at: datetime) -> Examined:
    if not content:
        raise Refused("EMPTY_FILE")
    if len(content) > MOST_BYTES:
        raise Refused("FILE_TOO_LARGE", most=MOST_BYTES)
    if kind == "PDF":
        return await pdf.examine(content, tracer, at)
    if kind == "ASIC_E":
        return await asice.examine(content, file_name, tracer, at)
    raise Refused("KIND_NOT_SUPPORTED")
