from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from asn1crypto import cms  # type: ignore[import-untyped]
from pyhanko.pdf_utils import generic
from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.sign import fields
from pyhanko.sign.timestamps.dummy_client import DummyTimeStamper

from services.identity.signatures.examining import examine
from tests.services.identity.signatures.authorities import (
    JUDGED,
    ROOT,
    SECOND_SIGNER,
    SIGNED,
    SIGNER,
    STRANGE_ROOT,
    STRANGE_SIGNER,
    STRANGE_TSA,
    TLS_SERVER,
    TSA,
    issued,
    time_stamper,
)
from tests.services.identity.signatures.cases import Case, check, params, told
from tests.services.identity.signatures.making import signed_pdf
from tests.services.identity.signatures.pdfs import blank_pdf, encrypted, form_pdf, sign, stamped, updated
from tests.services.identity.signatures.zips import Item, zipped

EXPIRED = replace(SIGNER, not_after=datetime(2026, 4, 1, tzinfo=UTC))
AFTER_EXPIRY = datetime(2026, 5, 1, tzinfo=UTC)
PKCS7 = fields.SigSeedSubFilter.ADOBE_PKCS7_DETACHED


class OfSomethingElse(DummyTimeStamper):
    """Stamps another digest than it was asked to."""

    def request_tsa_response(self, req: Any) -> Any:
        imprint = req["message_imprint"]
        req["message_imprint"] = {
            "hash_algorithm": imprint["hash_algorithm"],
            "hashed_message": bytes(len(imprint["hashed_message"].native)),
        }
        return super().request_tsa_response(req)


def of_something_else() -> OfSomethingElse:
    tsa = issued(TSA)
    return OfSomethingElse(tsa.asn1, tsa.asn1_key, tsa.asn1_chain, fixed_dt=SIGNED)  # type: ignore[arg-type]


def plain(**options: Any) -> Callable[[], bytes]:
    return lambda: sign(blank_pdf(), **options)


def timed(**options: Any) -> Callable[[], bytes]:
    return lambda: sign(blank_pdf(), **{"stamper": time_stamper(), **options})


def swapped(old: bytes, new: bytes, content: Callable[[], bytes] = signed_pdf) -> Callable[[], bytes]:
    def make() -> bytes:
        made = content()
        assert old in made
        return made.replace(old, new, 1)

    return make


def wrong_value() -> bytes:
    content = signed_pdf()
    begin = content.index(b"/Contents <") + len(b"/Contents <")
    held = bytes.fromhex(content[begin : content.index(b">", begin)].decode())
    value = cms.ContentInfo.load(held)["content"]["signer_infos"][0]["signature"].native
    at = content.lower().index(value.hex().encode())
    return content[:at] + bytes([value[0] ^ 1]).hex().encode() + content[at + 2 :]


def other_page(writer: IncrementalPdfFileWriter) -> None:
    page = writer.root["/Pages"]["/Kids"][0].get_object()
    page["/Contents"] = writer.add_object(generic.StreamObject(stream_data=b"BT /F1 24 Tf 72 720 Td (We demand it.) Tj ET"))
    writer.update_container(page)


def overlaid(writer: Any) -> None:
    writer.add_stream_to_page(0, writer.add_object(generic.StreamObject(stream_data=b"0 0 0 rg 0 0 500 800 re f")))


def commented(writer: IncrementalPdfFileWriter) -> None:
    make: Any = generic
    page = writer.root["/Pages"]["/Kids"][0].get_object()
    told = {
        "/Type": make.pdf_name("/Annot"),
        "/Subtype": make.pdf_name("/FreeText"),
        "/Rect": make.ArrayObject([make.NumberObject(each) for each in (0, 0, 500, 800)]),
        "/Contents": make.pdf_string("Approved!"),
    }
    note = make.DictionaryObject({make.pdf_name(key): value for key, value in told.items()})
    page["/Annots"] = make.ArrayObject([*page.get("/Annots", []), writer.add_object(note)])
    writer.update_container(page)


def filled(writer: IncrementalPdfFileWriter) -> None:
    field = next(
        each.get_object() for each in writer.root["/AcroForm"]["/Fields"] if each.get_object().raw_get("/T") == "purpose"
    )
    field["/V"] = generic.pdf_string("profit")
    writer.update_container(field)


def shorter_range() -> bytes:
    """Let the signature claim to cover less of the end."""
    content = signed_pdf()
    begin = content.index(b"/ByteRange [") + len(b"/ByteRange [")
    end = content.index(b"]", begin)
    parts = content[begin:end].split()
    less = b" ".join([*parts[:3], str(int(parts[3]) - 40).encode()])
    return content[:begin] + less.ljust(end - begin) + content[end:]


def two_signatures() -> bytes:
    return sign(signed_pdf(), signer=SECOND_SIGNER, field="Signature2", stamper=time_stamper())


def without_signature() -> bytes:
    return updated(blank_pdf(), lambda writer: fields.append_signature_field(writer, fields.SigFieldSpec("Signature1")))


CASES = [
    Case("good with time stamp", signed_pdf, "SIGNED_AND_TIMESTAMPED", told("REVOCATION_NOT_CHECKED"), sees={
        "coverage.whole_file": True, "signatures.0.covers": "ENTIRE_FILE", "signatures.0.signer.common_name": "Anna Bērziņa",
        "signatures.0.signer.personal_code.masked": "PNOLV-*********345", "signatures.0.signer.country": "LV",
        "signatures.0.time_stamp.time": "2026-03-01T10:00:00Z", "signatures.0.time_stamp.trusted": True,
        "signatures.0.claimed_signing_time": "2026-03-01T10:00:00Z", "signatures.0.chain": "TRUSTED",
        "signatures.0.revocation": "NOT_CHECKED", "signatures.0.algorithm.strength": "STRONG",
    }),
    Case("good without time stamp", plain(), "SIGNED_WITHOUT_TIME_STAMP", told("NO_TIME_STAMP"), sees={
        "signatures.0.time_stamp": None, "coverage.whole_file": True}),
    Case("good, elliptic curve", timed(signer=SECOND_SIGNER), "SIGNED_AND_TIMESTAMPED"),
    Case("good, the older kind of signature", timed(subfilter=PKCS7), "SIGNED_AND_TIMESTAMPED"),
    Case("good, named otherwise", signed_pdf, "SIGNED_AND_TIMESTAMPED", told("NAME_DIFFERS_FROM_KIND"), "request.txt"),
    Case("content changed", swapped(b"We ask", b"We own"), "BROKEN", told("DATA_CHANGED"), sees={
        "signatures.0.intact": False, "coverage.whole_file": False}),
    Case("signature value changed", wrong_value, "BROKEN", told("SIGNATURE_VALUE_WRONG", "TIME_STAMP_OF_SOMETHING_ELSE")),
    Case("bytes appended", lambda: signed_pdf() + b"% and more", "PARTLY_SIGNED", told("BYTES_APPENDED"), sees={
        "coverage.whole_file": False, "signatures.0.intact": True, "signatures.0.covers": "REVISION"}),
    Case("one line feed appended", lambda: signed_pdf() + b"\n", "PARTLY_SIGNED", told("BYTES_APPENDED")),
    Case("page replaced by an update", lambda: updated(signed_pdf(), other_page), "PARTLY_SIGNED", told("CHANGED_AFTER_SIGNING"),
         sees={"signatures.0.revision": 2, "signatures.0.revisions": 3}),
    Case("page overlaid by an update", lambda: updated(signed_pdf(), overlaid), "PARTLY_SIGNED", told("CHANGED_AFTER_SIGNING")),
    Case("comment added", lambda: updated(signed_pdf(), commented), "PARTLY_SIGNED", told("CHANGED_AFTER_SIGNING")),
    Case("changed, then signed by another", lambda: sign(updated(signed_pdf(), other_page), signer=SECOND_SIGNER, field="S2",
         stamper=time_stamper()), "PARTLY_SIGNED", told("CHANGED_AFTER_SIGNING"), sees={
         "signatures.0.covers": "REVISION", "signatures.1.covers": "ENTIRE_FILE"}),
    Case("two signatures", two_signatures, "SIGNED_AND_TIMESTAMPED", told("COVERS_EARLIER_REVISION"), sees={
        "signatures.0.covers": "REVISION", "signatures.0.revision": 2, "signatures.0.revisions": 3,
        "signatures.1.covers": "ENTIRE_FILE", "signatures.1.signer.common_name": "Jānis Kalniņš"}),
    Case("two signatures, bytes appended", lambda: two_signatures() + b"%", "PARTLY_SIGNED", told("BYTES_APPENDED")),
    Case("two signatures, one of a stranger", lambda: sign(signed_pdf(), signer=STRANGE_SIGNER, field="S2",
         stamper=time_stamper()),
         "SIGNED_NOT_TRUSTED", told("ISSUER_UNKNOWN"), sees={"signatures.0.chain": "TRUSTED",
                                                             "signatures.1.chain": "UNKNOWN_ISSUER"}),
    Case("form, filled in before", lambda: sign(updated(form_pdf(), filled), stamper=time_stamper()), "SIGNED_AND_TIMESTAMPED"),
    Case("form, filled in after signing", lambda: updated(sign(form_pdf(), stamper=time_stamper()), filled), "PARTLY_SIGNED",
         told("FILLED_IN_AFTER_SIGNING")),
    Case("form, filled in between two signatures", lambda: sign(updated(sign(form_pdf(), stamper=time_stamper()), filled),
         signer=SECOND_SIGNER, field="S2", stamper=time_stamper()), "PARTLY_SIGNED", told("FILLED_IN_AFTER_SIGNING")),
    Case("certified, nothing may change", timed(permission=fields.MDPPerm.NO_CHANGES), "SIGNED_AND_TIMESTAMPED",
         told("CERTIFIED")),
    Case("certified, then filled in", lambda: updated(sign(form_pdf(), stamper=time_stamper(),
         permission=fields.MDPPerm.NO_CHANGES), filled), "PARTLY_SIGNED", told("CHANGES_NOT_PERMITTED",
         "FILLED_IN_AFTER_SIGNING")),
    Case("document time stamp", lambda: stamped(plain()()), "SIGNED_AND_TIMESTAMPED", told("COVERS_EARLIER_REVISION"), sees={
        "signatures.0.time_stamp.of": "DOCUMENT", "document_time_stamps.0.covers": "ENTIRE_FILE"}),
    Case("document time stamp alone", lambda: stamped(blank_pdf()), "NOT_SIGNED", sees={"document_time_stamps.0.trusted": True}),
    Case("expired at signing", timed(signer=EXPIRED, stamper=time_stamper(AFTER_EXPIRY), claimed=AFTER_EXPIRY),
         "SIGNED_NOT_TRUSTED", told("EXPIRED_AT_SIGNING"), sees={"signatures.0.chain": "EXPIRED_AT_SIGNING"}),
    Case("expired since, stamped while valid", timed(signer=EXPIRED), "SIGNED_AND_TIMESTAMPED",
         told("CERTIFICATE_EXPIRED_SINCE")),
    Case("expired, nothing proves the time", plain(signer=EXPIRED), "SIGNED_NOT_TRUSTED", told("EXPIRED_WITHOUT_PROOF"), sees={
        "signatures.0.chain": "EXPIRED_WITHOUT_PROOF"}),
    Case("expired, stamped by a stranger", timed(signer=EXPIRED, stamper=time_stamper(SIGNED, STRANGE_TSA)), "SIGNED_NOT_TRUSTED",
         told("EXPIRED_WITHOUT_PROOF", "TIME_STAMP_AUTHORITY_UNKNOWN")),
    Case("not yet valid", timed(signer=replace(SIGNER, not_before=AFTER_EXPIRY)), "SIGNED_NOT_TRUSTED", told("NOT_YET_VALID")),
    Case("certificate of a TLS server", timed(signer=replace(SIGNER, extended=(TLS_SERVER,))), "SIGNED_NOT_TRUSTED",
         told("NOT_FOR_SIGNING"), sees={"signatures.0.chain": "NOT_FOR_SIGNING"}),
    Case("certificate for encryption", timed(signer=replace(SIGNER, usages=("key_encipherment",))), "SIGNED_NOT_TRUSTED",
         told("NOT_FOR_SIGNING")),
    Case("certificate that does not commit", timed(signer=replace(SIGNER, usages=("digital_signature",))),
         "SIGNED_AND_TIMESTAMPED",
         told("NO_COMMITMENT_USAGE")),
    Case("authority as signer", timed(signer=ROOT), "SIGNED_NOT_TRUSTED", told("AUTHORITY_AS_SIGNER")),
    Case("unknown issuer", timed(signer=STRANGE_SIGNER), "SIGNED_NOT_TRUSTED", told("ISSUER_UNKNOWN")),
    Case("issuer's name spoofed", timed(signer=replace(SIGNER, issuer=replace(ROOT, key="rsa-2048 spoof"))), "SIGNED_NOT_TRUSTED",
         told("ISSUER_SPOOFED")),
    Case("signed by itself", timed(signer=replace(SIGNER, issuer=None)), "SIGNED_NOT_TRUSTED", told("SELF_SIGNED")),
    Case("issued by a signer, who is no authority", timed(signer=replace(SECOND_SIGNER, issuer=SIGNER)), "SIGNED_NOT_TRUSTED",
         told("CHAIN_NOT_VALID")),
    Case("issued under an authority below", timed(signer=replace(SIGNER, issuer=replace(STRANGE_ROOT, issuer=ROOT))),
         "SIGNED_AND_TIMESTAMPED"),
    Case("certificate signed with SHA-1", timed(signer=replace(SIGNER, digest="sha1")), "SIGNED_NOT_TRUSTED", told("WEAK_CHAIN")),
    Case("SHA-1", timed(digest="sha1"), "SIGNED_NOT_TRUSTED", told("WEAK_DIGEST"), sees={
        "signatures.0.intact": True, "signatures.0.algorithm.strength": "WEAK"}),
    Case("MD5", plain(digest="md5", subfilter=PKCS7), "BROKEN", told("ALGORITHM_NOT_SUPPORTED", "WEAK_DIGEST")),
    Case("RSA of 1024 bits", timed(signer=replace(SIGNER, key="rsa-1024 signer")), "SIGNED_NOT_TRUSTED", told("WEAK_KEY")),
    Case("time stamp of something else", timed(stamper=of_something_else()), "SIGNED_WITHOUT_TIME_STAMP",
         told("TIME_STAMP_OF_SOMETHING_ELSE"), sees={"signatures.0.time_stamp.matches": False,
                                                     "signatures.0.time_stamp.trusted": False}),
    Case("time stamp of a stranger", timed(stamper=time_stamper(SIGNED, STRANGE_TSA)), "SIGNED_WITHOUT_TIME_STAMP",
         told("TIME_STAMP_AUTHORITY_UNKNOWN")),
    Case("time stamp by a signer's certificate", timed(stamper=time_stamper(SIGNED, SIGNER)), "SIGNED_WITHOUT_TIME_STAMP",
         told("TIME_STAMP_AUTHORITY_NOT_VALID")),
    Case("time stamp of an authority that had expired", timed(stamper=time_stamper(AFTER_EXPIRY, replace(TSA,
         not_after=SIGNED))), "SIGNED_WITHOUT_TIME_STAMP", told("TIME_STAMP_AUTHORITY_NOT_VALID")),
    Case("time stamp in the future", timed(stamper=time_stamper(JUDGED + timedelta(days=1))), "SIGNED_WITHOUT_TIME_STAMP",
         told("TIME_STAMP_IN_THE_FUTURE")),
    Case("claimed time far from the stamp", timed(claimed=SIGNED - timedelta(days=400)), "SIGNED_AND_TIMESTAMPED",
         told("CLAIMED_TIME_DIFFERS")),
    Case("claimed time in the future", plain(claimed=JUDGED + timedelta(days=4)), "SIGNED_WITHOUT_TIME_STAMP",
         told("CLAIMED_TIME_IN_THE_FUTURE")),
    Case("no signature", blank_pdf, "NOT_SIGNED", sees={"signatures": [], "coverage.whole_file": False}),
    Case("empty signature field", without_signature, "NOT_SIGNED", told("EMPTY_SIGNATURE_FIELD")),
    Case("encrypted", lambda: encrypted(blank_pdf()), "NOT_READABLE", told("PDF_ENCRYPTED")),
    Case("cut short", lambda: signed_pdf()[:-400], "NOT_READABLE", told("PDF_NOT_READABLE")),
    Case("header alone", lambda: b"%PDF-1.7\n", "NOT_READABLE", told("PDF_NOT_READABLE")),
    Case("bytes before", lambda: b"#!/bin/sh\n" + signed_pdf(), "NOT_SAFE", told("BYTES_BEFORE")),
    Case("PDF and archive at once", lambda: signed_pdf() + zipped([Item("a.txt", b"a")]), "NOT_SAFE", told("TWO_KINDS_AT_ONCE")),
    Case("byte range cut", shorter_range, "BROKEN", told("COVERAGE_UNCLEAR", "DATA_CHANGED")),
    Case("unknown kind of signature", swapped(b"/ETSI.CAdES.detached", b"/ETSI.Other.detached"), "BROKEN",
         told("SIGNATURE_FORMAT_NOT_SUPPORTED")),
    Case("JavaScript", lambda: sign(blank_pdf(catalog="/OpenAction << /S /JavaScript /JS (app.alert\\(1\\)) >>"),
         stamper=time_stamper()), "SIGNED_AND_TIMESTAMPED", told("HAS_JAVASCRIPT")),
    Case("attachment", lambda: sign(blank_pdf(catalog="/Names << /EmbeddedFiles << /Names [] >> >>"), stamper=time_stamper()),
         "SIGNED_AND_TIMESTAMPED", told("HAS_ATTACHMENTS")),
    Case("pages that turn in a circle", swapped(b"/Kids [3 0 R]", b"/Kids [2 0 R]", blank_pdf), "NOT_SIGNED"),
]  # fmt: skip


@pytest.mark.parametrize("case", params(CASES))
async def test_a_pdf_is_judged(case: Case) -> None:
    check(case, await examine(case.make(), case.file_name, case.anchors(), case.at))


async def test_every_cut_of_a_signed_pdf_is_a_finding_and_none_is_signed() -> None:
    content = signed_pdf()
    for length in range(0, len(content), 1499):
        finding = await examine(content[:length], "request.pdf", Case("", bytes, "").anchors(), JUDGED)
        assert finding.verdict in ("NOT_READABLE", "NOT_SUPPORTED", "NOT_SIGNED"), length


async def test_the_reader_opens_what_is_judged() -> None:
    from io import BytesIO

    assert PdfFileReader(BytesIO(form_pdf())).root["/AcroForm"]["/Fields"][0]["/T"] == "purpose"
