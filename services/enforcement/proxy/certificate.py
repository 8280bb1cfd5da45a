"""The server certificate of the TLS door where nobody has given one: made here, signed by an authority of this place alone.

Files in one folder: ``ca.pem`` (for callers to trust), ``ca.key``, ``server.pem`` and ``server.key``; keys have the mode 0600.
"""

import ipaddress
import os
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

AUTHORITY, SERVER = "ca", "server"
ALWAYS = ("localhost", "127.0.0.1", "::1")
_AUTHORITY_LIVES = timedelta(days=3650)
_SERVER_LIVES = timedelta(days=397)
_RENEWED_BEFORE = timedelta(days=30)
_EARLIER = timedelta(hours=1)  # for clocks that are behind


def make_missing(folder: Path, hosts: Sequence[str] = ()) -> list[str]:
    """Make what is missing for a server under these names, and renew what we made ourselves and ends soon; return what was made.

    A certificate that somebody else put there stays as it is. Raises ``OSError`` or ``ValueError`` (a file that cannot be read).
    """
    folder.mkdir(parents=True, exist_ok=True)
    wanted = list(dict.fromkeys([*ALWAYS, *hosts]))
    now = datetime.now(UTC)
    certificate = folder / f"{SERVER}.pem"
    if certificate.exists() and not _is_outdated(folder, wanted, now):
        return []
    made = [] if (folder / f"{AUTHORITY}.key").exists() else _make_authority(folder, now)
    return made + _make_server(folder, wanted, now)


def _is_outdated(folder: Path, wanted: list[str], now: datetime) -> bool:
    """Say whether the certificate is one of ours and is to be made anew."""
    if not (folder / f"{AUTHORITY}.key").exists():
        return False
    present = x509.load_pem_x509_certificate((folder / f"{SERVER}.pem").read_bytes())
    authority = x509.load_pem_x509_certificate((folder / f"{AUTHORITY}.pem").read_bytes())
    if present.issuer != authority.subject:
        return False
    names = present.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    return now > present.not_valid_after_utc - _RENEWED_BEFORE or any(_alternative(each) not in names for each in wanted)


def _make_authority(folder: Path, now: datetime) -> list[str]:
    key = ec.generate_private_key(ec.SECP256R1())
    name = _name(f"Portico at this place {os.urandom(4).hex()}")
    built = (
        _builder(name, name, key.public_key(), (now, _AUTHORITY_LIVES))
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_key_usage(signs_certificates=True), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )
    return _write(folder, AUTHORITY, built, key)


def _make_server(folder: Path, hosts: list[str], now: datetime) -> list[str]:
    authority = x509.load_pem_x509_certificate((folder / f"{AUTHORITY}.pem").read_bytes())
    signer = serialization.load_pem_private_key((folder / f"{AUTHORITY}.key").read_bytes(), None)
    assert isinstance(signer, ec.EllipticCurvePrivateKey)
    key = ec.generate_private_key(ec.SECP256R1())
    built = (
        _builder(_name("Portico data plane"), authority.subject, key.public_key(), (now, _SERVER_LIVES))
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_key_usage(signs_certificates=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(x509.SubjectAlternativeName([_alternative(each) for each in hosts]), critical=False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()), critical=False)
        .sign(signer, hashes.SHA256())
    )
    return _write(folder, SERVER, built, key)


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey, life: tuple[datetime, timedelta]
) -> x509.CertificateBuilder:
    now, lives = life
    return x509.CertificateBuilder(
        issuer_name=issuer,
        subject_name=subject,
        public_key=key,
        serial_number=x509.random_serial_number(),
        not_valid_before=now - _EARLIER,
        not_valid_after=now + lives,
    )


def _name(common: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common)])


def _alternative(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(host.strip("[]")))
    except ValueError:
        return x509.DNSName(host)


def _key_usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        encipher_only=False,
        decipher_only=False,
    )


def _write(folder: Path, stem: str, certificate: x509.Certificate, key: ec.EllipticCurvePrivateKey) -> list[str]:
    """Put a key and then its certificate into place, each in one step."""
    private = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    public = certificate.public_bytes(serialization.Encoding.PEM)
    for name, content, mode in ((f"{stem}.key", private, 0o600), (f"{stem}.pem", public, 0o644)):
        draft = folder / f".{name}.{os.urandom(6).hex()}"
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(folder / name)
    return [f"{stem}.key", f"{stem}.pem"]
