"""Signed PDFs (PAdES, ETSI EN 319 142-1; ISO 32000-2, 12.8)."""

import contextlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from io import BytesIO

from asn1crypto import core, x509  # type: ignore[import-untyped]
from pyhanko.pdf_utils.misc import PdfError
from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.sign.fields import enumerate_sig_fields
from pyhanko.sign.general import CMSExtractionError, extract_certificate_info, find_cms_attribute_iter
from pyhanko.sign.validation import generic_cms
from pyhanko.sign.validation.dss import DocumentSecurityStore
from pyhanko.sign.validation.errors import SignatureValidationError
from pyhanko.sign.validation.pdf_embedded import EmbeddedPdfSignature

from services.identity.signatures.chains import Evidence, Moment, Tracer
from services.identity.signatures.codes import Effect
from services.identity.signatures.findings import (
    MOST_SIGNATURES,
    Coverage,
    Examined,
    Refused,
    Signature,
    TimeStamp,
    Trouble,
    moment,
    shown,
    trouble,
    worst_first,
)
from services.identity.signatures.pdf_changes import Reach, last_reach, permission_of, reach_of
from services.identity.signatures.pdf_content import content_notes
from services.identity.signatures.signers import signer_of, strength_of
from services.identity.signatures.timestamps import MOST_STAMPS, UNREADABLE, StampJudge, claim_troubles, digest_of

_HEADER = b"%PDF-"
_FAILED = (PdfError, SignatureValidationError, CMSExtractionError, *UNREADABLE)
_SIGNATURE_FORMATS = ("/ETSI.CAdES.detached", "/adbe.pkcs7.detached")
_STAMP_FORMAT = "/ETSI.RFC3161"
_PROVE_NOTHING = {"md2", "md4", "md5"}


@dataclass(frozen=True, slots=True)
class _Kept:
    """What the document keeps beside its signatures: certificates and evidence (DSS)."""

    certificates: tuple[x509.Certificate, ...]
    evidence: Evidence


@dataclass(frozen=True, slots=True)
class _DocumentStamp:
    stamp: TimeStamp
    proven: datetime | None
    revision: int


@dataclass(frozen=True, slots=True)
class _Timing:
    stamp: TimeStamp | None
    proven: datetime | None
    troubles: tuple[Trouble, ...]


async def examine(content: bytes, tracer: Tracer, at: datetime) -> Examined:
    """Return what is found out about a PDF. Raises ``Refused`` where nothing can be said of its signatures."""
    if not content.startswith(_HEADER):
        raise Refused("BYTES_BEFORE")
    if _ends_as_archive(content):
        raise Refused("TWO_KINDS_AT_ONCE")
    try:
        return await _Document(content, tracer, at).examine()
    except _FAILED as error:
        raise Refused("PDF_NOT_READABLE", reason=_reason(error)) from error


class _Document:
    def __init__(self, content: bytes, tracer: Tracer, at: datetime) -> None:
        self._content, self._tracer, self._at = content, tracer, at
        self._stamps = StampJudge(tracer, at)
        self._reader = PdfFileReader(BytesIO(content))
        if self._reader.encrypted:
            raise Refused("PDF_ENCRYPTED")
        fields = [(str(name), value, field) for name, value, field in enumerate_sig_fields(self._reader)]
        self._names = [name for name, _, _ in fields]
        self._filled = [(name, field) for name, value, field in fields if value is not None]
        self._empty = [name for name, value, _ in fields if value is None]
        if len(self._filled) > MOST_SIGNATURES:
            raise Refused("TOO_MANY_SIGNATURES", most=MOST_SIGNATURES)

    async def examine(self) -> Examined:
        embedded, broken = self._embedded()
        kept = _kept(self._reader)
        stamps = [await self._document_stamp(each) for each in embedded if each.sig_object_type == "/DocTimeStamp"]
        signatures, reaches = broken, [reach for _, reach in stamps]
        for each in embedded:
            if each.sig_object_type != "/DocTimeStamp":
                signature, reach = await self._signature(each, kept, [stamp for stamp, _ in stamps])
                signatures.append(signature)
                reaches += [reach] if reach is not None else []
        troubles = [trouble("EMPTY_SIGNATURE_FIELD", name=name) for name in self._empty]
        troubles += [*content_notes(self._reader), *(last_reach(reaches) if signatures else [])]
        return Examined(
            "PDF",
            worst_first(troubles),
            tuple(signatures),
            tuple(stamp.stamp for stamp, _ in stamps),
            Coverage(bool(signatures) and all(_covers_all(each) for each in signatures)),
        )

    def _embedded(self) -> tuple[list[EmbeddedPdfSignature], list[Signature]]:
        """Return the signatures that can be read, in the order of signing, and those that cannot."""
        found, broken = [], []
        for name, field in self._filled:
            try:
                found.append(EmbeddedPdfSignature(self._reader, field, name))
            except (*_FAILED, AssertionError) as error:
                broken.append(_unreadable(name, trouble("SIGNATURE_NOT_READABLE", reason=_reason(error))))
        return sorted(found, key=lambda each: int(each.signed_revision)), broken

    async def _document_stamp(self, embedded: EmbeddedPdfSignature) -> tuple[_DocumentStamp, Reach]:
        reach = reach_of(embedded, self._content, self._names)
        covers = "ENTIRE_FILE" if reach.covers == "ENTIRE_FILE" else f"REVISION {reach.revision} of {reach.revisions}"
        token = bytes(embedded.pkcs7_content)
        stamp, proven, _ = await self._stamps.judge(token, embedded.compute_digest, of="DOCUMENT", covers=covers)
        if reach.covers == "UNCLEAR" or embedded.sig_object.get("/SubFilter") != _STAMP_FORMAT:
            proven = None
        if stamp is None:
            stamp = TimeStamp("DOCUMENT", "", "", matches=False, trusted=False, chain="NOT_CHECKED", covers=covers)
        return _DocumentStamp(stamp, proven, int(embedded.signed_revision)), reach

    async def _signature(
        self, embedded: EmbeddedPdfSignature, kept: _Kept, stamps: Sequence[_DocumentStamp]
    ) -> tuple[Signature, Reach | None]:
        subfilter = embedded.sig_object.get("/SubFilter")
        if subfilter not in _SIGNATURE_FORMATS:
            return _unreadable(embedded.fq_name, trouble("SIGNATURE_FORMAT_NOT_SUPPORTED", kind=subfilter)), None
        try:
            certificate = extract_certificate_info(embedded.signed_data).signer_cert
            reach = reach_of(embedded, self._content, self._names)
            return await self._judged(embedded, certificate, reach, (kept, stamps)), reach
        except _FAILED as error:
            return _unreadable(embedded.fq_name, trouble("SIGNATURE_NOT_READABLE", reason=_reason(error))), None

    async def _judged(
        self,
        embedded: EmbeddedPdfSignature,
        certificate: x509.Certificate,
        reach: Reach,
        beside: tuple[_Kept, Sequence[_DocumentStamp]],
    ) -> Signature:
        kept, stamps = beside
        faults = _integrity_faults(embedded, certificate)
        timing = await self._timing(embedded, stamps)
        claimed = _claimed(embedded)
        at = Moment(timing.proven or self._at, proven=timing.proven is not None)
        chain = await self._tracer.trace(
            certificate,
            [*extract_certificate_info(embedded.signed_data).other_certs, *kept.certificates],
            at,
            evidence=_evidence(embedded, kept.evidence),
        )
        algorithm, weak = strength_of(certificate, _digests(embedded))
        signer = signer_of(certificate)
        troubles = [*faults, *reach.troubles, *chain.troubles, *weak, *timing.troubles, *permission_of(embedded)]
        troubles += claim_troubles(claimed, timing.proven, self._at)
        if chain.status == "TRUSTED" and signer.not_after < moment(self._at):
            troubles.append(trouble("CERTIFICATE_EXPIRED_SINCE"))
        if generic_cms.get_signing_cert_attr(embedded.signer_info["signed_attrs"]) is None:
            troubles.append(trouble("NO_SIGNING_CERTIFICATE_ATTRIBUTE"))
        return Signature(
            label=shown(embedded.fq_name),
            intact=not faults and reach.covers != "UNCLEAR",
            signer=signer,
            claimed_signing_time=moment(claimed) if claimed else None,
            time_stamp=timing.stamp,
            chain=chain.status,
            revocation=chain.revocation,
            algorithm=algorithm,
            covers=reach.covers,
            revision=reach.revision,
            revisions=reach.revisions,
            problems=worst_first(troubles),
        )

    async def _timing(self, embedded: EmbeddedPdfSignature, stamps: Sequence[_DocumentStamp]) -> _Timing:
        """Return the signature's own stamp, if it is good; else that of the document which covers it; else what is wrong."""
        judged = []
        digest = digest_of(embedded.signer_info["signature"].native)
        for token in _tokens(embedded)[:MOST_STAMPS]:
            stamp, proven, troubles = await self._stamps.judge(token, digest)
            judged.append(_Timing(stamp, proven, tuple(troubles)))
            if proven is not None:
                return judged[-1]
        above = [each for each in stamps if each.proven is not None and each.revision > int(embedded.signed_revision)]
        spoiled = tuple(each for timing in judged for each in timing.troubles)
        if above:
            return _Timing(above[0].stamp, above[0].proven, spoiled)
        return _Timing(judged[0].stamp, None, spoiled) if judged else _Timing(None, None, (trouble("NO_TIME_STAMP"),))


def _integrity_faults(embedded: EmbeddedPdfSignature, certificate: x509.Certificate) -> list[Trouble]:
    used = _digests(embedded) & _PROVE_NOTHING
    if used:
        return [trouble("ALGORITHM_NOT_SUPPORTED", algorithm=", ".join(sorted(used)).upper())]
    content, attributes = embedded.signed_data["encap_content_info"]["content"], embedded.signer_info["signed_attrs"]
    if content is not core.VOID or attributes is core.VOID or not attributes:
        return [trouble("SIGNATURE_NOT_READABLE", reason="it is not a detached signature with signed attributes")]
    try:
        generic_cms.extract_certs_for_validation(embedded.signed_data)
    except SignatureValidationError:
        return [trouble("SIGNING_CERTIFICATE_MISMATCH")]
    intact, valid = generic_cms.validate_sig_integrity(embedded.signer_info, certificate, "data", embedded.compute_digest())
    faults = [] if intact else [trouble("DATA_CHANGED", name="the document")]
    return faults + ([] if valid else [trouble("SIGNATURE_VALUE_WRONG")])


def _digests(embedded: EmbeddedPdfSignature) -> set[str]:
    found = {str(embedded.md_algorithm)}
    with contextlib.suppress(ValueError):  # a mechanism that names no digest of its own takes the signer's
        found.add(str(embedded.signer_info["signature_algorithm"].hash_algo))
    return found


def _tokens(embedded: EmbeddedPdfSignature) -> list[bytes]:
    attributes = embedded.signer_info["unsigned_attrs"]
    if attributes is core.VOID:
        return []
    try:
        return [token.dump() for token in find_cms_attribute_iter(attributes, "signature_time_stamp_token")]
    except CMSExtractionError:
        return []


def _claimed(embedded: EmbeddedPdfSignature) -> datetime | None:
    try:
        return embedded.self_reported_timestamp
    except _FAILED:
        return None


def _kept(reader: PdfFileReader) -> _Kept:
    try:
        store = DocumentSecurityStore.read_dss(reader)
        crls = tuple(reference.get_object().data for reference in store.crls)
        ocsps = tuple(reference.get_object().data for reference in store.ocsps)
        return _Kept(tuple(store.load_certs()), Evidence(crls, ocsps))
    except (*_FAILED, LookupError):
        return _Kept((), Evidence())


def _evidence(embedded: EmbeddedPdfSignature, kept: Evidence) -> Evidence:
    """Return the evidence of the document and that among the signature's own attributes (ISO 32000-2, 12.8.3.3.2)."""
    crls, ocsps = [*kept.crls], [*kept.ocsps]
    try:
        for held in find_cms_attribute_iter(embedded.signer_info["signed_attrs"], "adobe_revocation_info_archival"):
            crls += [each.dump() for each in held["crl"]] if held["crl"] is not core.VOID else []
            ocsps += [each.dump() for each in held["ocsp"]] if held["ocsp"] is not core.VOID else []
    except _FAILED:
        return kept
    return Evidence(tuple(crls), tuple(ocsps))


def _unreadable(name: str, fault: Trouble) -> Signature:
    return Signature(
        label=shown(name),
        intact=False,
        signer=None,
        claimed_signing_time=None,
        time_stamp=None,
        chain="NOT_CHECKED",
        revocation="NOT_CHECKED",
        algorithm=None,
        covers="UNCLEAR",
        problems=(fault,),
    )


def _covers_all(signature: Signature) -> bool:
    return signature.intact and all(each.effect not in (Effect.PARTLY, Effect.BREAKS) for each in signature.problems)


def _ends_as_archive(content: bytes) -> bool:
    """Say whether the end of the file is that of a ZIP archive (APPNOTE 4.3.16), with a comment that fits exactly."""
    place = content.rfind(b"PK\x05\x06")
    while place >= 0 and len(content) - place <= 22 + 0xFFFF:
        if place + 22 + int.from_bytes(content[place + 20 : place + 22], "little") == len(content):
            return True
        place = content.rfind(b"PK\x05\x06", 0, place)
    return False


def _reason(error: BaseException) -> str:
    return (str(error) or type(error).__name__).rstrip(".")
