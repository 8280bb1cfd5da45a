"""The authorities that signatures and time stamps are traced to: CA certificates in a folder of PEM files."""

from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

_ENDINGS = (".pem", ".crt", ".cer")


class AnchorsNotUsable(Exception):  # noqa: N818 - a fact about the place, told to the one who starts the service
    """The folder of authorities is missing or holds what cannot be used; the message names it and the mend."""


@dataclass(frozen=True, slots=True)
class Anchors:
    """The authorities' certificates, each as DER."""

    certificates: tuple[bytes, ...] = ()


def read_anchors(folder: Path | None) -> Anchors:
    """Return the authorities of a folder's ``.pem``, ``.crt`` and ``.cer`` files; without a folder there are none.

    Raises ``AnchorsNotUsable``.
    """
    if folder is None:
        return Anchors()
    try:
        paths = sorted(path for path in folder.iterdir() if path.suffix.lower() in _ENDINGS)
    except OSError as error:
        raise AnchorsNotUsable(
            f"The folder {folder} of authorities for signatures cannot be read: make it, or unset "
            "PORTICO_IDENTITY_SIGNATURE_ANCHORS_DIR."
        ) from error
    if not paths:
        raise AnchorsNotUsable(
            f"The folder {folder} of authorities for signatures holds no .pem file: put CA certificates there."
        )
    found = [certificate for path in paths for certificate in _certificates(path)]
    return Anchors(tuple(dict.fromkeys(found)))


def _certificates(path: Path) -> list[bytes]:
    try:
        certificates = x509.load_pem_x509_certificates(path.read_bytes())
        return [_authority(certificate, path) for certificate in certificates]
    except (OSError, ValueError) as error:
        raise AnchorsNotUsable(f"{path} holds no PEM certificates that can be read: put CA certificates there.") from error


def _authority(certificate: x509.Certificate, path: Path) -> bytes:
    try:
        is_authority = certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    except x509.ExtensionNotFound:
        is_authority = False
    if not is_authority:
        raise AnchorsNotUsable(
            f"{path} holds the certificate of {certificate.subject.rfc4514_string()}, which is no authority: "
            "only CA certificates belong there."
        )
    return certificate.public_bytes(Encoding.DER)
