"""From what was examined to the finding: the kind of a file, the verdict, the sentences."""

import hashlib
from datetime import datetime

from services.identity.signatures.findings import (
    Examined,
    Finding,
    Kind,
    moment,
    sentences_of,
    shown,
    trouble,
    verdict_of,
    worst_first,
)

MOST_BYTES = 10 * 1024 * 1024
ENDINGS: dict[Kind, tuple[str, ...]] = {"PDF": (".pdf",), "ASIC_E": (".asice", ".sce", ".edoc")}
_PDF, _ARCHIVE = b"%PDF-", b"PK\x05\x06"


def concluded(examined: Examined, content: bytes, file_name: str, at: datetime) -> Finding:
    """Return the finding that follows from an examination."""
    troubles = list(examined.troubles)
    if examined.kind in ENDINGS and not file_name.lower().endswith(ENDINGS[examined.kind]):
        troubles.append(trouble("NAME_DIFFERS_FROM_KIND"))
    verdict = verdict_of(examined)
    return Finding(
        kind=examined.kind,
        verdict=verdict,
        sentences=sentences_of(examined, verdict),
        judged_at=moment(at),
        file_name=shown(file_name),
        file_bytes=len(content),
        file_sha256=hashlib.sha256(content).hexdigest(),
        coverage=examined.coverage,
        signatures=examined.signatures,
        document_time_stamps=examined.document_time_stamps,
        problems=worst_first(troubles),
    )


def unjudged(code: str, content: bytes, file_name: str, at: datetime, **values: object) -> Finding:
    """Return the finding on a file that was not examined, for the reason that the code names."""
    return concluded(Examined(kind_of(content[:MOST_BYTES]), (trouble(code, **values),)), content, file_name, at)


def kind_of(content: bytes) -> Kind:
    """Return the kind by the content alone; a PDF that is an archive, too, is refused as a PDF."""
    if content.startswith(b"PK\x03\x04"):
        return "ASIC_E"
    if _PDF in content[:1024]:  # programs look for the header in the first kilobyte
        return "PDF"
    return "ASIC_E" if content.startswith(_ARCHIVE) or _ARCHIVE in content[-22 - 0xFFFF :] else "OTHER"
