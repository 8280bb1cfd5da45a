"""An authority of the demonstration's own, which signs and time-stamps documents: procedures can be tried without a real one.

It exists where the demonstration is loaded. Its keys lie beside the demonstration's passwords; nobody else should trust it.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from io import BytesIO
from pathlib import Path

from asn1crypto import keys as asn1_keys  # type: ignore[import-untyped]
from asn1crypto import x509 as asn1_x509
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

ANCHORS = "anchors"
_BITS, _EXPONENT = 2048, 65537
_LASTS = timedelta(days=3650)


@dataclass(frozen=True, slots=True)
class Signatory:
    """A certificate with its key; ``chain`` is what it rests on."""

    certificate: x509.Certificate
    key: rsa.RSAPrivateKey
    chain: tuple[x509.Certificate, ...] = ()


class Authority:
    """The demonstration's authority: its root, whose certificate is the one anchor, and its time stamps."""

    def __init__(self, root: Signatory, stamps: Signatory) -> None:
        self._root = root
        self._stamps = stamps

    def signatory(self, given_name: str, surname: str, personal_code: str) -> Signatory:
        """Return a person's certificate for signatures, issued just now."""
        name = _name((NameOID.GIVEN_NAME, given_name), (NameOID.SURNAME, surname), (NameOID.SERIAL_NUMBER, personal_code))
        return _issued(name, f"{given_name} {surname}", issuer=self._root)

    def report_files(self, folder: Path) -> dict[str, Path]:
        """Return the settings with which a demonstration signs its reports; the key is made where there is none."""
        _kept(folder, "reports", lambda: _issued(_name(), "Demonstration Platform", issuer=self._root))
        names = {"certificate": "reports.pem", "key": "reports.key", "chain": "root.pem"}
        return {f"report_{part}_file": folder / name for part, name in names.items()}

    async def sign(self, pdf: bytes, signatory: Signatory) -> bytes:
        """Return a PDF with one more signature (PAdES) and its time stamp."""
        from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
        from pyhanko.sign import fields, signers
        from pyhanko.sign.timestamps.dummy_client import DummyTimeStamper
        from pyhanko_certvalidator.registry import SimpleCertificateStore

        chain = [_asn1(each) for each in signatory.chain]
        signer = signers.SimpleSigner(
            signing_cert=_asn1(signatory.certificate),
            signing_key=_asn1_key(signatory.key),
            cert_registry=SimpleCertificateStore.from_certs(chain),  # type: ignore[no-untyped-call]
        )
        stamper = DummyTimeStamper(
            _asn1(self._stamps.certificate),
            _asn1_key(self._stamps.key),
            [_asn1(each) for each in self._stamps.chain],  # type: ignore[arg-type]
        )
        number = pdf.count(b"/Type /Sig") + 1
        metadata = signers.PdfSignatureMetadata(
            field_name=f"Signature{number}", md_algorithm="sha256", subfilter=fields.SigSeedSubFilter.PADES
        )
        writer = IncrementalPdfFileWriter(BytesIO(pdf))
        pdf_signer = signers.PdfSigner(metadata, signer=signer, timestamper=stamper)
        signed: BytesIO = await pdf_signer.async_sign_pdf(writer, bytes_reserved=24_000)
        return signed.getvalue()


def open_authority(folder: Path) -> Authority:
    """Return the authority whose keys lie in a folder; they are made where there are none."""
    root = _kept(folder, "root", lambda: _issued(_name(), "Demonstration Trust", is_authority=True))
    stamps = _kept(folder, "stamps", lambda: _issued(_name(), "Demonstration Time Stamps", issuer=root, is_for_stamps=True))
    anchors = folder / ANCHORS
    anchors.mkdir(exist_ok=True)
    (anchors / "root.pem").write_bytes(root.certificate.public_bytes(Encoding.PEM))
    return Authority(root, Signatory(stamps.certificate, stamps.key, (root.certificate,)))


def _kept(folder: Path, name: str, make: Callable[[], Signatory]) -> Signatory:
    certificate_file, key_file = folder / f"{name}.pem", folder / f"{name}.key"
    if not (certificate_file.exists() and key_file.exists()):
        folder.mkdir(parents=True, exist_ok=True)
        made = make()
        key_file.touch(mode=0o600)
        key_file.write_bytes(made.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
        certificate_file.write_bytes(made.certificate.public_bytes(Encoding.PEM))
    key = load_pem_private_key(key_file.read_bytes(), None)
    assert isinstance(key, rsa.RSAPrivateKey)
    return Signatory(x509.load_pem_x509_certificate(certificate_file.read_bytes()), key)


def _name(*more: tuple[x509.ObjectIdentifier, str]) -> list[x509.NameAttribute[str]]:
    country = x509.NameAttribute(NameOID.COUNTRY_NAME, "LV")
    return [country, *(x509.NameAttribute(oid, text) for oid, text in more)]


def _issued(
    name: list[x509.NameAttribute[str]],
    common_name: str,
    *,
    issuer: Signatory | None = None,
    is_authority: bool = False,
    is_for_stamps: bool = False,
) -> Signatory:
    """Return a new certificate with its key; without an issuer it is signed by itself."""
    key = rsa.generate_private_key(_EXPONENT, _BITS)
    subject = x509.Name([*name, x509.NameAttribute(NameOID.COMMON_NAME, common_name)])
    now = datetime.now(UTC)
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer.certificate.subject if issuer else subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + _LASTS)
        .add_extension(x509.BasicConstraints(ca=is_authority, path_length=None), critical=True)
        .add_extension(_usage(is_authority=is_authority, is_for_stamps=is_for_stamps), critical=True)
    )
    if is_for_stamps:
        builder = builder.add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.TIME_STAMPING]), critical=True)
    certificate = builder.sign(issuer.key if issuer else key, hashes.SHA256())
    return Signatory(certificate, key, (issuer.certificate,) if issuer else ())


def _usage(*, is_authority: bool, is_for_stamps: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not is_authority,
        content_commitment=not is_authority and not is_for_stamps,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=is_authority,
        crl_sign=is_authority,
        encipher_only=False,
        decipher_only=False,
    )


def _asn1(certificate: x509.Certificate) -> asn1_x509.Certificate:
    return asn1_x509.Certificate.load(certificate.public_bytes(Encoding.DER))


def _asn1_key(key: rsa.RSAPrivateKey) -> asn1_keys.PrivateKeyInfo:
    return asn1_keys.PrivateKeyInfo.load(key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption()))


def plain_pdf(text: str) -> bytes:
    """Return a PDF of one page with one line of ASCII text."""
    shown = f"BT /F1 16 Tf 72 720 Td ({text.translate(str.maketrans('', '', '()' + chr(92)))}) Tj ET"
    bodies = (
        "<< /Type /Catalog /Pages 2 0 R >>",
        "<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R /Resources << /Font << /F1 5 0 R >> >> >>",
        f"<< /Length {len(shown)} >>\nstream\n{shown}\nendstream",
        "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
    )
    out = bytearray(b"%PDF-1.7\n")
    places = []
    for number, body in enumerate(bodies, 1):
        places.append(len(out))
        out += f"{number} 0 obj\n{body}\nendobj\n".encode("ascii", "replace")
    begin = len(out)
    out += f"xref\n0 {len(bodies) + 1}\n0000000000 65535 f \n".encode()
    out += b"".join(f"{place:010} 00000 n \n".encode() for place in places)
    out += f"trailer\n<< /Size {len(bodies) + 1} /Root 1 0 R /ID [<01> <01>] >>\nstartxref\n{begin}\n%%EOF\n".encode()
    return bytes(out)
