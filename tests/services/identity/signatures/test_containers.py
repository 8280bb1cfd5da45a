from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from services.identity.signatures.examining import examine
from tests.services.identity.signatures.authorities import (
    JUDGED,
    ROOT,
    SECOND_SIGNER,
    SIGNED,
    SIGNER,
    STRANGE_SIGNER,
    STRANGE_TSA,
    TLS_SERVER,
    Holder,
    issued,
    test_anchors,
    time_stamp,
)
from tests.services.identity.signatures.cases import Case, check, params, told
from tests.services.identity.signatures.containers import FILES, MIMETYPE, Xades, container, items_of, signature_file, stamp_at
from tests.services.identity.signatures.making import signed_asice
from tests.services.identity.signatures.pdfs import blank_pdf
from tests.services.identity.signatures.zips import Item, zipped

EXPIRED = replace(SIGNER, not_after=datetime(2026, 4, 1, tzinfo=UTC))
AFTER_EXPIRY = datetime(2026, 5, 1, tzinfo=UTC)
STAMP = stamp_at(SIGNED)
GOOD = Xades(stamp=STAMP)
XSLT = "http://www.w3.org/TR/1999/REC-xslt-19991116"
DECLARATION = b'<?xml version="1.0" encoding="UTF-8"?>'


def by(signer: Holder, **options: Any) -> Callable[[], bytes]:
    return lambda: container(Xades(signer=signer, **{"stamp": STAMP, **options}))


def odd(**options: Any) -> Callable[[], bytes]:
    return lambda: container(Xades(**{"stamp": STAMP, **options}))


def with_files(files: dict[str, bytes], *more: Item) -> Callable[[], bytes]:
    """Sign the usual files and put these into the container instead."""
    return lambda: container(GOOD, files=files, more=more)


def with_items(change: Callable[[list[Item]], list[Item]], **options: Any) -> Callable[[], bytes]:
    return lambda: zipped(change(items_of(FILES, signature_file(GOOD))), **options)


def with_markup(change: Callable[[bytes], bytes]) -> Callable[[], bytes]:
    return lambda: zipped(items_of(FILES, change(signature_file(GOOD))))


def added(*more: Item) -> Callable[[], bytes]:
    return with_items(lambda items: [*items, *more])


def reference(uri: str) -> str:
    return (
        f'<ds:Reference URI="{uri}"><ds:DigestMethod Algorithm="http://www.w3.org/2001/04/xmlenc#sha256"></ds:DigestMethod>'
        "<ds:DigestValue>AAAA</ds:DigestValue></ds:Reference>"
    )


def transformed(algorithm: str) -> str:
    return f'<ds:Transforms><ds:Transform Algorithm="{algorithm}"></ds:Transform></ds:Transforms>'


def doctype(inside: bytes) -> Callable[[], bytes]:
    return with_markup(lambda held: held.replace(DECLARATION, DECLARATION + b"<!DOCTYPE a [" + inside + b"]>"))


def billion_laughs() -> bytes:
    lines = [b'<!ENTITY a0 "ha">']
    lines += [f'<!ENTITY a{at} "{f"&a{at - 1};" * 10}">'.encode() for at in range(1, 12)]
    return b"".join(lines)


def wrapped_properties(held: bytes) -> bytes:
    """Put other properties with the signed ones' Id in front."""
    other = b'<ds:Object><xades:SignedProperties Id="S0-P"></xades:SignedProperties></ds:Object>'
    return held.replace(b"<ds:Object>", other + b"<ds:Object>", 1)


def other_claim(held: bytes) -> bytes:
    return held.replace(b"2026-03-01T10:00:00Z", b"2025-03-01T10:00:00Z", 1)


def two_signers(second: bytes | None = None) -> bytes:
    other = signature_file(Xades(signer=SECOND_SIGNER, stamp=STAMP, number=1))
    return zipped(items_of(FILES, signature_file(GOOD), second or other))


RENAMED = {"request.txt": FILES["request.txt"], "other.txt": FILES["annex ā.txt"]}
CHANGED = {**FILES, "request.txt": b"We demand access!!"}
OPTIONS = {"file_name": "request.asice", "kind": "ASIC_E"}


def case(name: str, make: Callable[[], bytes], verdict: str, *codes: str, **options: Any) -> Case:
    return Case(name, make, verdict, told(*codes), **{**OPTIONS, **options})


SIGNATURES = [
    case("good with time stamp", lambda: container(GOOD), "SIGNED_AND_TIMESTAMPED", "REVOCATION_NOT_CHECKED", sees={
        "coverage.whole_file": True, "coverage.signed_entries": ["annex ā.txt", "request.txt"], "coverage.unsigned_entries": [],
        "signatures.0.signer.surname": "Bērziņa", "signatures.0.time_stamp.authority": "Test Time Stamps, Test Trust",
        "signatures.0.claimed_signing_time": "2026-03-01T10:00:00Z", "signatures.0.covers": "ENTIRE_FILE"}),
    case("good without time stamp", odd(stamp=None), "SIGNED_WITHOUT_TIME_STAMP", "NO_TIME_STAMP"),
    case("good, an eDoc", lambda: container(GOOD), "SIGNED_AND_TIMESTAMPED", file_name="request.edoc"),
    case("good, elliptic curve and SHA-512", by(SECOND_SIGNER, digest="sha512"), "SIGNED_AND_TIMESTAMPED"),
    case("good, written in a stream", with_items(lambda items: [items[0], *(replace(each, sizes_follow=True)
         for each in items[1:])]), "SIGNED_AND_TIMESTAMPED"),
    case("good, references not percent-encoded", odd(uri=str), "SIGNED_AND_TIMESTAMPED"),
    case("good, two signers", two_signers, "SIGNED_AND_TIMESTAMPED", sees={"signatures.1.signer.given_name": "Jānis"}),
    case("good, two signers in one file", lambda: zipped(items_of(FILES, signature_file(GOOD, Xades(signer=SECOND_SIGNER,
         stamp=STAMP, number=1)))), "SIGNED_AND_TIMESTAMPED"),
    case("two signers, one broken", lambda: two_signers(signature_file(Xades(files=CHANGED, number=1, stamp=STAMP))), "BROKEN",
         "DATA_CHANGED", sees={"signatures.0.intact": True, "signatures.1.intact": False}),
    case("two signers, one of them for a part", lambda: two_signers(signature_file(Xades(files={"request.txt":
         FILES["request.txt"]}, number=1, stamp=STAMP))), "PARTLY_SIGNED", "SIGNATURE_LEAVES_OUT", sees={
         "coverage.whole_file": False, "coverage.unsigned_entries": []}),
    case("no signature", container, "NOT_SIGNED", sees={"signatures": []}),
    case("file changed", with_files(CHANGED), "BROKEN", "DATA_CHANGED", sees={
        "coverage.signed_entries": [], "signatures.0.intact": False}),
    case("file removed", with_files({"request.txt": FILES["request.txt"]}), "BROKEN", "REFERENCE_UNRESOLVED"),
    case("file renamed", with_files(RENAMED), "BROKEN", "REFERENCE_UNRESOLVED", "UNSIGNED_ENTRY", "SIGNATURE_LEAVES_OUT"),
    case("unsigned file added", added(Item("extra.txt", b"More.")), "PARTLY_SIGNED", "UNSIGNED_ENTRY", "SIGNATURE_LEAVES_OUT",
         sees={"coverage.unsigned_entries": ["extra.txt"], "coverage.signed_entries": ["annex ā.txt", "request.txt"]}),
    case("unsigned file hidden in META-INF", added(Item("META-INF/extra.txt", b"More.")), "PARTLY_SIGNED", "UNSIGNED_ENTRY"),
    case("signature value changed", odd(value=lambda value: value[:-1] + bytes([value[-1] ^ 1])), "BROKEN",
         "SIGNATURE_VALUE_WRONG"),
    case("signed properties changed", with_markup(other_claim), "BROKEN", "DATA_CHANGED", sees={
        "signatures.0.claimed_signing_time": None}),
    case("signed properties not signed", odd(signs_properties=False), "BROKEN", "SIGNED_PROPERTIES_NOT_SIGNED"),
    case("signed properties wrapped", with_markup(wrapped_properties), "NOT_SAFE", "DUPLICATE_ID"),
    case("two signatures with one Id", lambda: zipped(items_of(FILES, signature_file(GOOD, GOOD))), "NOT_SAFE", "DUPLICATE_ID"),
    case("signature within something else", with_markup(lambda held: held.replace(b"asic:XAdESSignatures", b"asic:Other")),
         "BROKEN", "SIGNATURE_FILE_NOT_READABLE"),
    case("other certificate than the bound one", odd(bound=bytes(32)), "BROKEN", "SIGNING_CERTIFICATE_MISMATCH"),
    case("certificate exchanged", odd(certificate=issued(SECOND_SIGNER).der), "BROKEN", "SIGNING_CERTIFICATE_MISMATCH"),
    case("certificate of rubbish", odd(certificate=b"rubbish"), "BROKEN", "CERTIFICATE_NOT_READABLE"),
    case("signs nothing", odd(files={}), "BROKEN", "SIGNS_NOTHING", "UNSIGNED_ENTRY", "SIGNATURE_LEAVES_OUT"),
    case("signs one file twice", odd(references=reference("request.txt")), "BROKEN", "REFERENCE_TWICE"),
    case("refers to the web", odd(references=reference("http://example.com/a.txt")), "NOT_SAFE", "REFERENCE_OUTSIDE"),
    case("refers to this machine", odd(references=reference("file:///etc/passwd")), "NOT_SAFE", "REFERENCE_OUTSIDE"),
    case("refers out of the container", odd(references=reference("..%2Fa.txt")), "NOT_SAFE", "REFERENCE_OUTSIDE"),
    case("refers to a signature file", odd(references=reference("META-INF/signatures0.xml")), "NOT_SAFE", "REFERENCE_OUTSIDE"),
    case("XSLT", odd(transforms=transformed(XSLT)), "NOT_SAFE", "TRANSFORM_NOT_ALLOWED"),
    case("XPath", odd(transforms=transformed("http://www.w3.org/TR/1999/REC-xpath-19991116")), "NOT_SAFE",
         "TRANSFORM_NOT_ALLOWED"),
    case("base64", odd(transforms=transformed("http://www.w3.org/2000/09/xmldsig#base64")), "NOT_SAFE", "TRANSFORM_NOT_ALLOWED"),
    case("external entity", doctype(b'<!ENTITY x SYSTEM "file:///etc/passwd">'), "NOT_SAFE", "SIGNATURE_FILE_NOT_SAFE"),
    case("billion laughs", doctype(billion_laughs()), "NOT_SAFE", "SIGNATURE_FILE_NOT_SAFE"),
    case("not XML", with_markup(lambda held: held[:-20]), "BROKEN", "SIGNATURE_FILE_NOT_READABLE"),
    case("deep XML", with_markup(lambda _: b"<a>" * 90_000), "BROKEN", "SIGNATURE_FILE_NOT_READABLE"),
    case("large XML", with_markup(lambda held: held + b" " * 3_000_000), "NOT_SAFE", "UNPACKS_TOO_LARGE"),
    case("SHA-1", odd(digest="sha1"), "SIGNED_NOT_TRUSTED", "WEAK_DIGEST"),
    case("MD5", odd(digest="md5"), "BROKEN", "ALGORITHM_NOT_SUPPORTED"),
    case("HMAC", odd(method="http://www.w3.org/2001/04/xmldsig-more#hmac-sha256"), "BROKEN", "ALGORITHM_NOT_SUPPORTED"),
    case("RSA of 1024 bits", by(replace(SIGNER, key="rsa-1024 signer")), "SIGNED_NOT_TRUSTED", "WEAK_KEY"),
    case("expired at signing", by(EXPIRED, stamp=stamp_at(AFTER_EXPIRY), claimed=AFTER_EXPIRY), "SIGNED_NOT_TRUSTED",
         "EXPIRED_AT_SIGNING"),
    case("expired since, stamped while valid", by(EXPIRED), "SIGNED_AND_TIMESTAMPED", "CERTIFICATE_EXPIRED_SINCE"),
    case("expired, claims an earlier time", by(EXPIRED, stamp=None), "SIGNED_NOT_TRUSTED", "EXPIRED_WITHOUT_PROOF"),
    case("not yet valid", by(replace(SIGNER, not_before=AFTER_EXPIRY)), "SIGNED_NOT_TRUSTED", "NOT_YET_VALID"),
    case("certificate of a TLS server", by(replace(SIGNER, extended=(TLS_SERVER,))), "SIGNED_NOT_TRUSTED", "NOT_FOR_SIGNING"),
    case("authority as signer", by(ROOT), "SIGNED_NOT_TRUSTED", "AUTHORITY_AS_SIGNER"),
    case("unknown issuer", by(STRANGE_SIGNER), "SIGNED_NOT_TRUSTED", "ISSUER_UNKNOWN"),
    case("issuer's name spoofed", by(replace(SIGNER, issuer=replace(ROOT, key="rsa-2048 spoof"))), "SIGNED_NOT_TRUSTED",
         "ISSUER_SPOOFED"),
    case("signed by itself", by(replace(SIGNER, issuer=None)), "SIGNED_NOT_TRUSTED", "SELF_SIGNED"),
    case("time stamp of something else", odd(stamp=lambda _: time_stamp(b"something else")), "SIGNED_WITHOUT_TIME_STAMP",
         "TIME_STAMP_OF_SOMETHING_ELSE"),
    case("time stamp of a stranger", odd(stamp=stamp_at(SIGNED, STRANGE_TSA)), "SIGNED_WITHOUT_TIME_STAMP",
         "TIME_STAMP_AUTHORITY_UNKNOWN"),
    case("time stamp by a signer's certificate", odd(stamp=stamp_at(SIGNED, SIGNER)), "SIGNED_WITHOUT_TIME_STAMP",
         "TIME_STAMP_AUTHORITY_NOT_VALID"),
    case("time stamp over SHA-1", odd(stamp=lambda value: time_stamp(value, digest="sha1")), "SIGNED_WITHOUT_TIME_STAMP",
         "TIME_STAMP_WEAK"),
    case("time stamp in the future", odd(stamp=stamp_at(JUDGED + timedelta(days=2))), "SIGNED_WITHOUT_TIME_STAMP",
         "TIME_STAMP_IN_THE_FUTURE"),
    case("time stamp of rubbish", odd(stamp=lambda _: b"rubbish"), "SIGNED_WITHOUT_TIME_STAMP", "TIME_STAMP_NOT_READABLE"),
    case("time stamp tampered with", odd(stamp=lambda value: STAMP(value)[:-1] + b"\0"), "SIGNED_WITHOUT_TIME_STAMP",
         "TIME_STAMP_BROKEN"),
    case("claimed time far from the stamp", odd(claimed=SIGNED - timedelta(days=99)), "SIGNED_AND_TIMESTAMPED",
         "CLAIMED_TIME_DIFFERS"),
    case("CAdES alone", lambda: container(more=[Item("META-INF/signature.p7s", b"0")]), "BROKEN", "SIGNATURE_KIND_NOT_JUDGED",
         "SIGNATURE_FORMAT_NOT_SUPPORTED"),
    case("forty signatures", lambda: zipped(items_of(FILES, signature_file(*(replace(GOOD, number=at, stamp=None)
         for at in range(40))))), "NOT_READABLE", "TOO_MANY_SIGNATURES"),
]  # fmt: skip
ARCHIVES = [
    case("mimetype missing", with_items(lambda items: items[1:]), "SIGNED_AND_TIMESTAMPED", "MIMETYPE_MISSING"),
    case("mimetype missing and no name of a container", with_items(lambda items: items[1:]), "NOT_SUPPORTED",
         "KIND_NOT_SUPPORTED",
         file_name="request.zip", kind="OTHER"),
    case("mimetype of something else", with_items(lambda items: [replace(items[0], data=b"application/zip"), *items[1:]]),
         "NOT_SUPPORTED", "MIMETYPE_WRONG", kind="OTHER"),
    case("mimetype compressed", with_items(lambda items: [replace(items[0], deflated=True), *items[1:]]),
         "SIGNED_AND_TIMESTAMPED", "MIMETYPE_PACKED"),
    case("mimetype not first", with_items(lambda items: [*items[1:], items[0]]), "SIGNED_AND_TIMESTAMPED", "MIMETYPE_NOT_FIRST"),
    case("manifest lists other files", added(Item("META-INF/manifest.xml",
         b'<m:manifest xmlns:m="urn:oasis:names:tc:opendocument:'
         b'xmlns:manifest:1.0"><m:file-entry m:full-path="other.txt"/></m:manifest>')), "SIGNED_AND_TIMESTAMPED",
         "MANIFEST_DIFFERS"),
    case("two entries of one name", added(Item("request.txt", b"Other.")), "NOT_SAFE", "ENTRY_NAME_TWICE"),
    case("two entries but for capitals", added(Item("Request.TXT", b"Other.")), "NOT_SAFE", "ENTRY_NAME_TWICE"),
    case("two entries but for composition", added(Item("annex a\u0304.txt", b"Other.")), "NOT_SAFE", "ENTRY_NAME_TWICE"),
    case("a file that is a folder, too", added(Item("request.txt/a", b"Other.")), "NOT_SAFE", "ENTRY_NAME_TWICE"),
    case("meta-inf in small letters", added(Item("meta-inf/signatures.xml", b"")), "NOT_SAFE", "ENTRY_NAME_NOT_SAFE"),
    *(case(f"name {name!r}", added(Item(name, b"x")), "NOT_SAFE", "ENTRY_NAME_NOT_SAFE") for name in (
        "../../etc/cron.d/x", "/etc/passwd", "C:\\x.txt", "a/../b", "a//b", "./a", "a\\b", "a\nb", "a\u202etxt.exe",
         b"\xff\xfe", "con.")),
    case("symbolic link", added(Item("link", b"/etc/passwd", outer=0o120777 << 16)), "NOT_SAFE", "ENTRY_NAME_NOT_SAFE"),
    case("zip bomb", added(Item("zeros", bytes(30_000_000))), "NOT_SAFE", "UNPACKS_TOO_LARGE"),
    case("zip bomb that tells a small size", added(Item("zeros", bytes(30_000_000), unpacked=10)), "NOT_SAFE",
         "UNPACKS_TOO_LARGE"),
    case("more than is listed all together", added(*(Item(f"z{at}", b"", unpacked=60_000_000,
         deflated=False) for at in range(2))),
         "NOT_SAFE", "UNPACKS_TOO_LARGE"),
    case("many entries", added(*(Item(f"a{at}", b"") for at in range(600))), "NOT_SAFE", "TOO_MANY_ENTRIES"),
    case("archive within", lambda: signed_asice({"inner.zip": zipped([Item("a", b"a")])}), "SIGNED_AND_TIMESTAMPED",
         "NESTED_CONTAINER"),
    case("encrypted entry", added(Item("secret", b"x", flags=0x0801)), "NOT_READABLE", "ENTRY_ENCRYPTED"),
    case("odd compression", added(Item("odd", b"x", method=14)), "NOT_READABLE", "ENTRY_COMPRESSION_NOT_SUPPORTED"),
    case("damaged entry", added(Item("damaged", b"x", crc=7)), "NOT_READABLE", "ENTRY_DAMAGED"),
    case("told in two names", added(Item("a.txt", b"x", local_name=b"b.txt")), "NOT_SAFE", "DIRECTORY_CONTRADICTS"),
    case("two names in an extra field", added(Item("a.txt", b"x", extra=b"\x75\x70\x0a\x00\x01\0\0\0\0b.txt")), "NOT_SAFE",
         "DIRECTORY_CONTRADICTS"),
    case("entries on one place", lambda: zipped([Item("mimetype", MIMETYPE, deflated=False)] * 1 + [Item("mimetype2", MIMETYPE,
         deflated=False, local_name=b"mimetype")], shared=True), "NOT_SAFE", "ENTRIES_OVERLAP"),
    case("bytes between entries and directory", with_items(list, gap=b"hidden"), "NOT_SAFE", "ENTRIES_OVERLAP"),
    case("bytes after", lambda: container(GOOD) + b"more", "NOT_SAFE", "BYTES_AFTER"),
    case("bytes before", lambda: b"GIF89a" + container(GOOD), "NOT_SAFE", "BYTES_BEFORE"),
    case("cut short", lambda: container(GOOD)[:-30], "NOT_READABLE", "CONTAINER_NOT_READABLE"),
    case("a PDF before", lambda: blank_pdf() + container(GOOD), "NOT_SAFE", "TWO_KINDS_AT_ONCE", kind="PDF"),
    case("nothing at all", bytes, "NOT_READABLE", "EMPTY_FILE", kind="OTHER"),
    case("a text", lambda: b"We ask for access.", "NOT_SUPPORTED", "KIND_NOT_SUPPORTED", kind="OTHER"),
    case("an archive of nothing", lambda: zipped([]), "NOT_SUPPORTED", "KIND_NOT_SUPPORTED", kind="OTHER", file_name="a.zip"),
]  # fmt: skip


@pytest.mark.parametrize("case", params([*SIGNATURES, *ARCHIVES]))
async def test_a_container_is_judged(case: Case) -> None:
    check(case, await examine(case.make(), case.file_name, case.anchors(), case.at))


async def test_no_bit_can_turn_over_in_a_signature_unnoticed() -> None:
    """Each part of the file is damaged in turn; only what nobody signs (the time stamp, beside the signature) may stay good."""
    content = signature_file(Xades())
    for at in range(200, len(content), 97):
        damaged = content[:at] + bytes([content[at] ^ 4]) + content[at + 1 :]
        finding = await examine(zipped(items_of(FILES, damaged)), "request.asice", test_anchors(), JUDGED)
        assert not finding.verdict.startswith("SIGNED") or damaged[at : at + 1].isspace(), at
