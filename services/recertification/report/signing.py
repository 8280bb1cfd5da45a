"""Signing a report (PAdES): whoever changes anything in it afterwards breaks the signature."""

from collections.abc import Sequence
from datetime import UTC, datetime
from io import BytesIO

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key
from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
from pyhanko.sign import fields, signers


class KeyNotUsable(Exception):  # noqa: N818 - named as the fact that it reports
    """The certificate and key cannot sign: they are not there, do not belong together, or their time is over."""


def sign(pdf: bytes, certificate_file: str, key_file: str, chain_files: Sequence[str]) -> bytes:
    """Return the PDF with a certifying signature that allows no change at all. Raises ``KeyNotUsable``."""
    _require_pair(certificate_file, key_file)
    signer = signers.SimpleSigner.load(  # type: ignore[no-untyped-call]
        key_file, certificate_file, ca_chain_files=tuple(chain_files)
    )
    if signer is None:
        raise KeyNotUsable("the certificate, its key or its chain cannot be read")
    metadata = signers.PdfSignatureMetadata(
        field_name="Report",
        md_algorithm="sha256",
        subfilter=fields.SigSeedSubFilter.PADES,
        certify=True,
        docmdp_permissions=fields.MDPPerm.NO_CHANGES,
    )
    signed = signers.sign_pdf(IncrementalPdfFileWriter(BytesIO(pdf)), metadata, signer=signer)
    content: bytes = signed.getvalue()
    return content


def _require_pair(certificate_file: str, key_file: str) -> None:
    try:
        with open(certificate_file, "rb") as file:  # noqa: PTH123 - the program is handed plain paths
            certificate = x509.load_pem_x509_certificate(file.read())
        with open(key_file, "rb") as file:  # noqa: PTH123 - the same
            key = load_pem_private_key(file.read(), None)
    except (OSError, ValueError, TypeError) as error:
        raise KeyNotUsable(type(error).__name__) from error
    public = [
        each.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        for each in (certificate.public_key(), key.public_key())
    ]
    if public[0] != public[1]:
        raise KeyNotUsable("the key is not the certificate's")
    if not certificate.not_valid_before_utc <= datetime.now(UTC) < certificate.not_valid_after_utc:
        raise KeyNotUsable("the certificate is not valid now")
