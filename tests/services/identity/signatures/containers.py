"""ASiC-E containers with XAdES written as text, each canonical form by hand: no line of the judge or of its library made them."""

import base64
import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from urllib.parse import quote
from xml.sax.saxutils import escape

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, utils
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey

from tests.services.identity.signatures.authorities import SIGNED, SIGNER, Holder, PrivateKey, issued, time_stamp
from tests.services.identity.signatures.zips import Item, zipped

MIMETYPE = b"application/vnd.etsi.asic-e+zip"
FILES: dict[str, bytes] = {"request.txt": b"We ask for access.", "annex \xc4\x81.txt".encode("latin-1").decode(): b"An annex."}
_SPACES = (
    ("asic", "http://uri.etsi.org/02918/v1.2.1#"),
    ("ds", "http://www.w3.org/2000/09/xmldsig#"),
    ("xades", "http://uri.etsi.org/01903/v1.3.2#"),
)
_SCOPE = "".join(f' xmlns:{prefix}="{uri}"' for prefix, uri in _SPACES)
_C14N = "http://www.w3.org/TR/2001/REC-xml-c14n-20010315"
_PROPERTIES = "http://uri.etsi.org/01903#SignedProperties"
_DIGESTS = {
    "sha256": "http://www.w3.org/2001/04/xmlenc#sha256",
    "sha512": "http://www.w3.org/2001/04/xmlenc#sha512",
    "sha1": "http://www.w3.org/2000/09/xmldsig#sha1",
    "md5": "http://www.w3.org/2001/04/xmldsig-more#md5",
}
Stamp = Callable[[bytes], bytes]


def stamp_at(time: datetime, authority: Holder | None = None) -> Stamp:
    """Return what stamps a canonical signature value at a time."""
    return lambda value: time_stamp(value, time, authority) if authority else time_stamp(value, time)


@dataclass(frozen=True)
class Xades:
    """One signature, and everything that can be odd about it."""

    files: Mapping[str, bytes] = field(default_factory=lambda: FILES)
    signer: Holder = SIGNER
    stamp: Stamp | None = None
    number: int = 0
    digest: str = "sha256"
    claimed: datetime = SIGNED
    uri: Callable[[str], str] = quote
    transforms: str = ""
    references: str = ""
    signs_properties: bool = True
    bound: bytes | None = None
    method: str | None = None
    value: Callable[[bytes], bytes] = bytes
    unsigned: str = ""
    certificate: bytes | None = None

    def text(self) -> str:
        """Return the signature as an element that stands in a root which declares the namespaces."""
        who, number = issued(self.signer), self.number
        properties = self._properties(who.der)
        info = self._info(properties)
        value = self.value(_signed(who.key, f"<ds:SignedInfo{_SCOPE}>{info}</ds:SignedInfo>".encode(), self.digest))
        held = f' Id="S{number}-VALUE">{_b64(value)}</ds:SignatureValue>'
        unsigned = self.unsigned
        if self.stamp is not None:
            token = _b64(self.stamp(f"<ds:SignatureValue{_SCOPE}{held}".encode()))
            form = f'<ds:CanonicalizationMethod Algorithm="{_C14N}"/>'
            unsigned += (
                f"<xades:SignatureTimeStamp>{form}<xades:EncapsulatedTimeStamp>{token}</xades:EncapsulatedTimeStamp>"
                "</xades:SignatureTimeStamp>"
            )
        beside = f"<xades:UnsignedSignatureProperties>{unsigned}</xades:UnsignedSignatureProperties>"
        beside = f"<xades:UnsignedProperties>{beside}</xades:UnsignedProperties>" if unsigned else ""
        certificates = "".join(
            f"<ds:X509Certificate>{_b64(each)}</ds:X509Certificate>" for each in (self.certificate or who.der,)
        )
        return (
            f'<ds:Signature Id="S{number}"><ds:SignedInfo>{info}</ds:SignedInfo><ds:SignatureValue{held}'
            f"<ds:KeyInfo><ds:X509Data>{certificates}</ds:X509Data></ds:KeyInfo>"
            f'<ds:Object><xades:QualifyingProperties Target="#S{number}"><xades:SignedProperties{properties}{beside}'
            "</xades:QualifyingProperties></ds:Object></ds:Signature>"
        )

    def _info(self, properties: str) -> str:
        method = self.method or _method(issued(self.signer).key, self.digest)
        parts = [
            f'<ds:CanonicalizationMethod Algorithm="{_C14N}"></ds:CanonicalizationMethod>',
            f'<ds:SignatureMethod Algorithm="{method}"></ds:SignatureMethod>',
        ]
        for at, (name, data) in enumerate(self.files.items()):
            ident = f' Id="S{self.number}-R{at}" URI="{escape(self.uri(name))}"'
            parts.append(f"<ds:Reference{ident}>{self.transforms}{self._digested(data)}</ds:Reference>")
        parts.append(self.references)
        if self.signs_properties:
            form = f'<ds:Transforms><ds:Transform Algorithm="{_C14N}"></ds:Transform></ds:Transforms>'
            canonical = f"<xades:SignedProperties{_SCOPE}{properties}".encode()
            ident = f' Type="{_PROPERTIES}" URI="#S{self.number}-P"'
            parts.append(f"<ds:Reference{ident}>{form}{self._digested(canonical)}</ds:Reference>")
        return "".join(parts)

    def _properties(self, certificate: bytes) -> str:
        """Return the signed properties after their opening name, in canonical form."""
        bound = self._digested(certificate, self.bound)
        formats = "".join(
            f'<xades:DataObjectFormat ObjectReference="#S{self.number}-R{at}"><xades:MimeType>text/plain</xades:MimeType>'
            "</xades:DataObjectFormat>"
            for at, _ in enumerate(self.files)
        )
        formats = f"<xades:SignedDataObjectProperties>{formats}</xades:SignedDataObjectProperties>" if formats else ""
        return (
            f' Id="S{self.number}-P"><xades:SignedSignatureProperties>'
            f"<xades:SigningTime>{self.claimed.isoformat().replace('+00:00', 'Z')}</xades:SigningTime>"
            f"<xades:SigningCertificateV2><xades:Cert><xades:CertDigest>{bound}</xades:CertDigest></xades:Cert>"
            f"</xades:SigningCertificateV2></xades:SignedSignatureProperties>{formats}</xades:SignedProperties>"
        )

    def _digested(self, data: bytes, value: bytes | None = None) -> str:
        found = hashlib.new(self.digest, data).digest() if value is None else value
        method = f'<ds:DigestMethod Algorithm="{_DIGESTS[self.digest]}"></ds:DigestMethod>'
        return f"{method}<ds:DigestValue>{_b64(found)}</ds:DigestValue>"


def signature_file(*signatures: Xades) -> bytes:
    """Return a file of signatures."""
    inside = "".join(each.text() for each in signatures)
    return f'<?xml version="1.0" encoding="UTF-8"?><asic:XAdESSignatures{_SCOPE}>{inside}</asic:XAdESSignatures>'.encode()


def items_of(files: Mapping[str, bytes], *signature_files: bytes) -> list[Item]:
    """Return the entries of a good container."""
    head = Item("mimetype", MIMETYPE, deflated=False)
    data = [Item(name, held) for name, held in files.items()]
    return [head, *data, *(Item(f"META-INF/signatures{at}.xml", each) for at, each in enumerate(signature_files))]


def container(*signatures: Xades, files: Mapping[str, bytes] | None = None, more: Sequence[Item] = ()) -> bytes:
    """Return a container whose files are signed by each signature, in a file of its own."""
    held = FILES if files is None else files
    return zipped([*items_of(held, *(signature_file(each) for each in signatures)), *more])


def _signed(key: PrivateKey, content: bytes, digest: str) -> bytes:
    algorithm = {"sha256": hashes.SHA256(), "sha512": hashes.SHA512(), "sha1": hashes.SHA1(), "md5": hashes.MD5()}[digest]
    if not isinstance(key, EllipticCurvePrivateKey):
        return key.sign(content, padding.PKCS1v15(), algorithm)
    r, s = utils.decode_dss_signature(key.sign(content, ec.ECDSA(algorithm)))
    size = (key.key_size + 7) // 8
    return r.to_bytes(size, "big") + s.to_bytes(size, "big")


def _method(key: PrivateKey, digest: str) -> str:
    kind = "ecdsa" if isinstance(key, EllipticCurvePrivateKey) else "rsa"
    if (kind, digest) == ("rsa", "sha1"):
        return "http://www.w3.org/2000/09/xmldsig#rsa-sha1"
    return f"http://www.w3.org/2001/04/xmldsig-more#{kind}-{digest}"


def _b64(data: bytes) -> str:
    return base64.b64encode(data).decode()
