"""The folder of the issuers that client certificates must chain to."""

from pathlib import Path

from cryptography import x509

from services.identity.certificates.paper import Anchors

_ENDINGS = (".pem", ".crt", ".cer")


class AnchorsNotUsable(Exception):  # noqa: N818 - a fact about the place, told to the one who starts the service
    """The folder of accepted issuers cannot be used; the message names it and the mend."""


def read_anchors(folder: Path | None) -> Anchors:
    """Return the certificates in a folder (PEM; .pem, .crt or .cer). Raises ``AnchorsNotUsable``: never fewer than were meant."""
    if folder is None:
        return Anchors()
    found: list[x509.Certificate] = []
    try:
        for path in sorted(each for each in folder.iterdir() if each.suffix in _ENDINGS):
            found += x509.load_pem_x509_certificates(path.read_bytes())
    except (OSError, ValueError) as error:
        raise AnchorsNotUsable(f"The issuers of client certificates in {folder} cannot be read: {error}.") from error
    if not found:
        raise AnchorsNotUsable(f"The folder {folder} names no issuer of client certificates: put their certificates there (PEM).")
    return Anchors(tuple(found))
