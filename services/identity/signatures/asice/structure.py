"""The parts of one XAdES signature, found where the standards put them and nowhere else (EN 319 132-1, XML Signature 1.1).

Nothing here is trusted: signxml verifies, and what it says was signed is what counts.
"""

import base64
import binascii
import re
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from asn1crypto import x509  # type: ignore[import-untyped]
from signxml.algorithms import DigestAlgorithm, SignatureMethod
from signxml.exceptions import InvalidInput

from services.identity.signatures.asice.markup import CANONICAL, DS, XADES, XADES_141, Element, texts
from services.identity.signatures.asice.names import MIMETYPE, resolve
from services.identity.signatures.findings import Refused, Trouble, trouble
from services.identity.signatures.timestamps import UNREADABLE

SIGNED_PROPERTIES = "http://uri.etsi.org/01903#SignedProperties"
MOST_REFERENCES = 600
_PROPERTIES = f"{DS}Object/{XADES}QualifyingProperties"
_UNSIGNED = f"{_PROPERTIES}/{XADES}UnsignedProperties/{XADES}UnsignedSignatureProperties"
_CERTIFICATES = f"{DS}KeyInfo/{DS}X509Data/{DS}X509Certificate"
_SIGNED_SIGNATURE = f"{_PROPERTIES}/{XADES}SignedProperties/{XADES}SignedSignatureProperties"
_ROOTS = {
    "{http://uri.etsi.org/02918/v1.2.1#}XAdESSignatures",
    "{urn:oasis:names:tc:opendocument:xmlns:digitalsignature:1.0}document-signatures",
    f"{DS}Signature",
}


@dataclass(frozen=True, slots=True)
class DataReference:
    """A reference to a file of the container: the entry it means, with the digest that it should have."""

    entry: str
    digest: bytes
    algorithm: DigestAlgorithm


@dataclass(frozen=True, slots=True)
class Unsigned:
    """What stands beside the signature and is not signed: each token, certificate and piece of evidence as DER."""

    stamps: tuple[tuple[bytes, str | None], ...]
    certificates: tuple[bytes, ...]
    crls: tuple[bytes, ...]
    ocsps: tuple[bytes, ...]
    troubles: tuple[Trouble, ...]


def signatures_of(name: str, root: Element) -> list[Element]:
    """Return the signatures of a file: the children of its root, or the root. Raises ``Refused`` for any other shape."""
    if root.tag not in _ROOTS:
        raise Refused("SIGNATURE_FILE_NOT_READABLE", name=name, reason="its root element is not one of XAdES containers")
    if root.tag == f"{DS}Signature":
        return [root]
    children = [child for child in root if isinstance(child.tag, str)]
    if any(child.tag != f"{DS}Signature" for child in children):
        raise Refused("SIGNATURE_FILE_NOT_READABLE", name=name, reason="it holds something else than signatures")
    return children


def data_references(signature: Element, names: Collection[str]) -> tuple[list[DataReference], list[Trouble]]:
    """Return the references to files, and what is wrong with any reference. Raises ``Refused`` for those that are not safe."""
    references = signature.findall(f"{DS}SignedInfo/{DS}Reference")
    if len(references) > MOST_REFERENCES:
        raise Refused("SIGNATURE_FILE_NOT_SAFE", name="A signature", reason=f"it has more than {MOST_REFERENCES} references")
    found: dict[str, DataReference] = {}
    troubles = []
    for reference in references:
        uri = reference.get("URI")
        check_transforms(reference, uri or "the document")
        if uri is None or uri == "":
            raise Refused("REFERENCE_OUTSIDE", name="the document itself")
        algorithm = digest_algorithm(reference)
        if uri.startswith("#"):
            continue
        entry = resolve(uri, names)
        if entry is None:
            troubles.append(trouble("REFERENCE_UNRESOLVED", name=uri))
        elif entry in found:
            troubles.append(trouble("REFERENCE_TWICE", name=entry))
        else:
            found[entry] = DataReference(entry, _binary(reference, f"{DS}DigestValue"), algorithm)
    if not found.keys() - {MIMETYPE} and not troubles:
        troubles.append(trouble("SIGNS_NOTHING"))
    return list(found.values()), troubles + _property_troubles(signature, references)


def check_transforms(reference: Element, name: str) -> None:
    """Refuse transforms but one canonical form of the signature's own parts: a transform can make changed files look the same."""
    transforms = reference.findall(f"{DS}Transforms/{DS}Transform")
    allowed = CANONICAL if (reference.get("URI") or "").startswith("#") else set()
    for transform in transforms:
        algorithm = transform.get("Algorithm", "none")
        if algorithm not in allowed or len(transforms) > 1 or any(_local(child) != "InclusiveNamespaces" for child in transform):
            raise Refused("TRANSFORM_NOT_ALLOWED", name=name, algorithm=algorithm)


def _property_troubles(signature: Element, references: list[Element]) -> list[Trouble]:
    """Check that exactly one reference covers exactly these signed properties, which belong to this signature."""
    qualifying = signature.findall(_PROPERTIES)
    signed = signature.findall(f"{_PROPERTIES}/{XADES}SignedProperties")
    typed = [each for each in references if each.get("Type") == SIGNED_PROPERTIES]
    if len(qualifying) != 1 or len(signed) != 1 or len(typed) != 1:
        return [trouble("SIGNED_PROPERTIES_NOT_SIGNED")]
    own, target = signature.get("Id"), qualifying[0].get("Target")
    if not signed[0].get("Id") or typed[0].get("URI") != f"#{signed[0].get('Id')}" or not own or target != f"#{own}":
        return [trouble("SIGNED_PROPERTIES_NOT_SIGNED")]
    return []


def digest_algorithm(element: Element) -> DigestAlgorithm:
    """Return the digest algorithm that an element names. Raises ``Refused``."""
    method = element.find(f"{DS}DigestMethod")
    named = method.get("Algorithm", "none") if method is not None else "none"
    try:
        return DigestAlgorithm(named)
    except InvalidInput as error:
        raise Refused("ALGORITHM_NOT_SUPPORTED", algorithm=_short(named)) from error


def signature_method(signature: Element) -> SignatureMethod:
    """Return the signature's algorithm; its canonical form must be a known one, too. Raises ``Refused``."""
    method = signature.find(f"{DS}SignedInfo/{DS}SignatureMethod")
    form = signature.find(f"{DS}SignedInfo/{DS}CanonicalizationMethod")
    named = method.get("Algorithm", "none") if method is not None else "none"
    if form is None or form.get("Algorithm") not in CANONICAL:
        raise Refused("ALGORITHM_NOT_SUPPORTED", algorithm="an unknown canonical form")
    try:
        found = SignatureMethod(named)
    except InvalidInput as error:
        raise Refused("ALGORITHM_NOT_SUPPORTED", algorithm=_short(named)) from error
    if found.name.startswith("HMAC"):
        raise Refused("ALGORITHM_NOT_SUPPORTED", algorithm=_short(named))
    return found


def certificates_of(signature: Element) -> list[x509.Certificate]:
    """Return the certificates that come with the signature. Raises ``Refused``."""
    try:
        found = [x509.Certificate.load(_decoded(text), strict=True) for text in texts(signature, _CERTIFICATES)]
        for each in found:
            _ = each.native["tbs_certificate"]["subject"]
    except UNREADABLE as error:
        raise Refused("CERTIFICATE_NOT_READABLE") from error
    if not found:
        raise Refused("CERTIFICATE_NOT_READABLE")
    return found


def bound_certificate(signature: Element) -> tuple[bytes, DigestAlgorithm]:
    """Return the digest of the certificate that the signer bound, and its algorithm. Raises ``Refused``."""
    for kind in ("SigningCertificateV2", "SigningCertificate"):
        bound = signature.find(f"{_SIGNED_SIGNATURE}/{XADES}{kind}/{XADES}Cert/{XADES}CertDigest")
        if bound is not None:
            return _binary(bound, f"{DS}DigestValue"), digest_algorithm(bound)
    raise Refused("SIGNING_CERTIFICATE_MISMATCH")


def claimed_time(properties: Element) -> datetime | None:
    """Return the time that the signer claims in properties that are signed."""
    found = properties.find(f".//{XADES}SigningTime")
    try:
        return datetime.fromisoformat((found.text or "").strip()) if found is not None else None
    except ValueError:
        return None


def unsigned_parts(signature: Element) -> Unsigned:
    """Return what stands beside the signature. What cannot be decoded is passed over: it proves nothing."""
    around = signature.find(_UNSIGNED)
    if around is None:
        return Unsigned((), (), (), (), ())
    stamps = []
    for stamp in around.findall(f"{XADES}SignatureTimeStamp"):
        form = stamp.find(f"{DS}CanonicalizationMethod")
        token = stamp.find(f"{XADES}EncapsulatedTimeStamp")
        held = _decoded("".join(token.itertext())) if token is not None else b""
        stamps.append((held, form.get("Algorithm") if form is not None else None))
    values = f"{XADES}RevocationValues/{XADES}"
    return Unsigned(
        tuple(stamps),
        _all(around, f"{XADES}CertificateValues/{XADES}EncapsulatedX509Certificate"),
        _all(around, f"{values}CRLValues/{XADES}EncapsulatedCRLValue"),
        _all(around, f"{values}OCSPValues/{XADES}EncapsulatedOCSPValue"),
        tuple(_unjudged(around)),
    )


def _unjudged(around: Element) -> list[Trouble]:
    archived = any(around.find(f"{space}ArchiveTimeStamp") is not None for space in (XADES, XADES_141))
    found = [trouble("ARCHIVE_TIME_STAMP_NOT_JUDGED")] if archived else []
    countered = around.find(f"{XADES}CounterSignature") is not None
    return found + ([trouble("COUNTER_SIGNATURE_NOT_JUDGED")] if countered else [])


def _all(element: Element, path: str) -> tuple[bytes, ...]:
    return tuple(found for found in (_decoded(text) for text in texts(element, path)) if found)


def _binary(element: Element, path: str) -> bytes:
    return _decoded("".join(texts(element, path)[:1]))


def _decoded(text: str) -> bytes:
    try:
        return base64.b64decode(re.sub(r"\s+", "", text), validate=True)
    except (binascii.Error, ValueError):
        return b""


def _local(element: Element) -> str:
    return element.tag.rsplit("}", 1)[-1] if isinstance(element.tag, str) else ""


def _short(algorithm: str) -> str:
    return algorithm.rsplit("#", 1)[-1].upper()
