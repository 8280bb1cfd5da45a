"""What of a PDF a signature covers, and what was changed after it (ISO 32000-2, 12.8)."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from pyhanko.sign.diff_analysis import DiffResult, ModificationLevel
from pyhanko.sign.validation.pdf_embedded import EmbeddedPdfSignature
from pyhanko.sign.validation.status import SignatureCoverageLevel

from services.identity.signatures.findings import Trouble, trouble

_BLANK = b"\r\n\t \0"
_END = b"%%EOF"


@dataclass(frozen=True, slots=True)
class Reach:
    """How far a signature reaches into its file, and what is wrong with that."""

    covers: Literal["ENTIRE_FILE", "REVISION", "UNCLEAR"]
    revision: int
    revisions: int
    troubles: tuple[Trouble, ...] = ()


def reach_of(embedded: EmbeddedPdfSignature, content: bytes, signature_fields: Sequence[str]) -> Reach:
    """Return what a signature covers and what came after it.

    It covers the entire file, or a revision after which nothing may come but signatures, time stamps and validation data.
    """
    revision, revisions = int(embedded.signed_revision) + 1, int(embedded.reader.xrefs.total_revisions)
    if not _is_gap_the_signature(embedded, content):
        return Reach("UNCLEAR", revision, revisions, (trouble("COVERAGE_UNCLEAR"),))
    coverage = _compared(embedded).coverage
    if coverage == SignatureCoverageLevel.ENTIRE_FILE:
        return Reach("ENTIRE_FILE", revision, revisions)
    if coverage != SignatureCoverageLevel.ENTIRE_REVISION:
        return Reach("UNCLEAR", revision, revisions, (trouble("COVERAGE_UNCLEAR"),))
    appended = _appended(embedded, content, is_last=revision == revisions)
    if appended:
        return Reach("REVISION", revision, revisions, (trouble("BYTES_APPENDED", count=appended),))
    return Reach("REVISION", revision, revisions, tuple(_changes(embedded, revision, revisions, set(signature_fields))))


def _is_gap_the_signature(embedded: EmbeddedPdfSignature, content: bytes) -> bool:
    """Say whether the byte range leaves out exactly the signature itself, padded with zeros, and nothing else."""
    parts = [int(each) for each in embedded.byte_range]
    if len(parts) != 4 or parts[0] != 0:
        return False
    _, before, after, length = parts
    if not 0 < before < after <= after + length <= len(content):
        return False
    gap = content[before:after]
    if gap[:1] != b"<" or gap[-1:] != b">" or len(gap) != 2 * len(embedded.pkcs7_content) + 2:
        return False
    try:
        held = bytes.fromhex(gap[1:-1].decode("ascii"))
    except ValueError:
        return False
    return held == embedded.pkcs7_content


def _compared(embedded: Any) -> Any:
    """Return the signature after it was compared with the file as it is now."""
    embedded.compute_integrity_info()
    return embedded


def _changes(embedded: EmbeddedPdfSignature, revision: int, revisions: int, signature_fields: set[str]) -> list[Trouble]:
    result: Any = embedded.diff_result
    found: list[Trouble] = []
    place = {"revision": revision, "revisions": revisions}
    if not isinstance(result, DiffResult) or result.modification_level == ModificationLevel.OTHER:
        return [trouble("CHANGED_AFTER_SIGNING", **place)]
    filled = sorted(set(result.changed_form_fields) - signature_fields)
    if result.modification_level == ModificationLevel.ANNOTATIONS:
        found.append(trouble("COMMENTED_AFTER_SIGNING", **place))
    if filled:
        found.append(trouble("FILLED_IN_AFTER_SIGNING", **place, names=", ".join(filled)))
    if embedded.summarise_integrity_info()["docmdp_ok"] is False:
        found.append(trouble("CHANGES_NOT_PERMITTED"))
    return found or [trouble("COVERS_EARLIER_REVISION", **place)]


def _appended(embedded: EmbeddedPdfSignature, content: bytes, *, is_last: bool) -> int:
    """Return how many bytes follow the last revision that belong to none."""
    if is_last:
        *_, after, length = (int(each) for each in embedded.byte_range)
        return len(content) - after - length
    return len(content.rstrip(_BLANK)) - (content.rfind(_END) + len(_END))


def last_reach(reaches: Sequence[Reach]) -> list[Trouble]:
    """Return what is to be said of the file's end: that only validation data follows the last signature."""
    if reaches and all(each.covers == "REVISION" and not _is_cut(each) for each in reaches):
        return [trouble("VALIDATION_DATA_ADDED")]
    return []


def permission_of(embedded: EmbeddedPdfSignature) -> list[Trouble]:
    """Return the note that this signature is the author's and limits changes, where it is."""
    level = embedded.docmdp_level
    return [trouble("CERTIFIED", permission=level.name.replace("_", " ").lower())] if level is not None else []


def _is_cut(reach: Reach) -> bool:
    return any(each.code != "COVERS_EARLIER_REVISION" for each in reach.troubles)
