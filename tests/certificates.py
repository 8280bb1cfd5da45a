"""Certificates as issuers make them, good and bad: for tests of everything that reads one."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed448, ed25519, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

DAY = timedelta(days=1)
Key = Any


@cache
def a_key(kind: str = "P-256") -> Key:
    """Return a private key of this kind, always the same one (RSA keys are slow to make)."""
    makers = {
        "P-256": lambda: ec.generate_private_key(ec.SECP256R1()),
        "P-384": lambda: ec.generate_private_key(ec.SECP384R1()),
        "P-521": lambda: ec.generate_private_key(ec.SECP521R1()),
        "P-224": lambda: ec.generate_private_key(ec.SECP224R1()),
        "secp256k1": lambda: ec.generate_private_key(ec.SECP256K1()),
        "RSA-1024": lambda: rsa.generate_private_key(65537, 1024),
        "RSA-2048": lambda: rsa.generate_private_key(65537, 2048),
        "DSA": lambda: dsa.generate_private_key(2048),
        "Ed25519": ed25519.Ed25519PrivateKey.generate,
        "Ed448": ed448.Ed448PrivateKey.generate,
    }
    return makers[kind]()


def name(common: str) -> x509.Name:
    """Return a distinguished name of an organization in Latvia."""
    return x509.Name(
        [
            x509.NameAttribute(NameOID.COUNTRY_NAME, "LV"),
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Dienests"),
            x509.NameAttribute(NameOID.COMMON_NAME, common),
        ]
    )


@dataclass
class Issued:
    """A certificate with its private key."""

    certificate: x509.Certificate
    key: Key

    @property
    def pem(self) -> str:
        return self.certificate.public_bytes(serialization.Encoding.PEM).decode()

    @property
    def key_pem(self) -> str:
        written: bytes = self.key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        return written.decode()

    @property
    def hash(self) -> str:
        """The SHA-256 in hexadecimal digits."""
        return self.certificate.fingerprint(hashes.SHA256()).hex()

    def write(self, folder: Path, stem: str = "client") -> tuple[Path, Path]:
        """Write both into a folder and return the paths of the certificate and the key."""
        folder.mkdir(parents=True, exist_ok=True)
        certificate, key = folder / f"{stem}.pem", folder / f"{stem}.key"
        certificate.write_text(self.pem)
        key.write_text(self.key_pem)
        return certificate, key


@dataclass
class Order:
    """What is to be issued; what is left out is as it should be for a client."""

    common: str = "client"
    key: Key = None
    not_before: datetime = field(default_factory=lambda: datetime.now(UTC) - DAY)
    not_after: datetime = field(default_factory=lambda: datetime.now(UTC) + 365 * DAY)
    usages: Sequence[x509.ObjectIdentifier] | None = (ExtendedKeyUsageOID.CLIENT_AUTH,)
    digital_signature: bool | None = True
    is_ca: bool | None = False
    extensions: Sequence[tuple[x509.ExtensionType, bool]] = ()
    hash: Any = None


def issue(order: Order | None = None, by: Issued | None = None, **parts: Any) -> Issued:
    """Return a certificate as ordered, signed by an issuer or (without one) by itself."""
    order = order or Order(**parts)
    key = order.key or ec.generate_private_key(ec.SECP256R1())
    builder = (
        x509.CertificateBuilder()
        .subject_name(name(order.common))
        .issuer_name(by.certificate.subject if by else name(order.common))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(order.not_before)
        .not_valid_after(order.not_after)
    )
    for extension, is_critical in _extensions(order, by):
        builder = builder.add_extension(extension, is_critical)
    signer = by.key if by else key
    is_edwards = isinstance(signer, ed25519.Ed25519PrivateKey | ed448.Ed448PrivateKey)
    return Issued(builder.sign(signer, None if is_edwards else order.hash or hashes.SHA256()), key)


def _extensions(order: Order, by: Issued | None) -> list[tuple[x509.ExtensionType, bool]]:
    found: list[tuple[x509.ExtensionType, bool]] = list(order.extensions)
    if order.is_ca is not None:
        found.append((x509.BasicConstraints(order.is_ca, None), True))
    if order.digital_signature is not None:
        found.append((_key_usage(digital_signature=order.digital_signature, is_ca=bool(order.is_ca)), True))
    if order.usages:
        found.append((x509.ExtendedKeyUsage(order.usages), False))
    if by is not None:
        found.append((x509.AuthorityKeyIdentifier.from_issuer_public_key(by.key.public_key()), False))
    return found


def _key_usage(*, digital_signature: bool, is_ca: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=digital_signature,
        content_commitment=False,
        key_encipherment=not digital_signature,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=is_ca,
        crl_sign=is_ca,
        encipher_only=False,
        decipher_only=False,
    )


def authority(common: str = "Root", by: Issued | None = None, key: Key = None) -> Issued:
    """Return a certificate that may issue others."""
    key = key or ec.generate_private_key(ec.SECP256R1())
    identifier = (x509.SubjectKeyIdentifier.from_public_key(key.public_key()), False)
    until = datetime.now(UTC) + 3650 * DAY
    return issue(Order(common, key, usages=None, is_ca=True, not_after=until, extensions=[identifier]), by)
