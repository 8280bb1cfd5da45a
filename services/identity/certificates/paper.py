"""Reading a certificate and judging whether it may prove an application: its purpose, its time, its strength, its chain.

RFC 5280 says what stands in a certificate. Every refusal names the field ``pem`` and the mend, and none repeats what was sent.
"""

import re
import warnings
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.utils import CryptographyDeprecationWarning
from cryptography.x509.oid import ExtendedKeyUsageOID
from cryptography.x509.verification import ExtensionPolicy, PolicyBuilder, Store, VerificationError

from chassis.errors import FieldProblem, Invalid
from services.identity.certificates.domain import CertificateNotReadable, read_pem, thumbprint_of

MOST_BYTES = 32 * 1024
MOST_CERTIFICATES = 10
SKEW = timedelta(minutes=5)
"""So far ahead an issuer's clock may be: a certificate of this minute is taken, though it proves nothing before its time."""
_LONGEST_NAME = 1000
_HASHES = ("sha256", "sha384", "sha512")
_CURVES = ("secp256r1", "secp384r1", "secp521r1")
_RSA_BITS = range(2048, 8192 + 1)
_PRIVATE = re.compile(r"PRIVATE\s+KEY", re.IGNORECASE)
_CAUSES = (ValueError, TypeError, UnsupportedAlgorithm, x509.DuplicateExtension, x509.UnsupportedGeneralNameType)


class _AboutPem(Invalid):
    """The certificate cannot be used."""

    def __init__(self, mend: str) -> None:
        super().__init__(f"pem: {mend}", fields=[FieldProblem("pem", mend)])


class PrivateKeyGiven(_AboutPem):
    """A private key was sent with the certificate; it was not kept, but it was on its way here."""

    def __init__(self) -> None:
        super().__init__("leave the private key out, and make a new key and certificate: this one has left your hands")


class CertificateNotForClients(_AboutPem):
    """The certificate was not issued to prove a client."""


class CertificateTooWeak(_AboutPem):
    """The certificate's key or signature is too weak."""


class CertificateNotYetValid(_AboutPem):
    """The certificate is not valid yet."""


class CertificateExpired(_AboutPem):
    """The certificate is not valid any more."""

    def __init__(self) -> None:
        super().__init__("have a new certificate issued and give that")


class CertificateNotTrusted(_AboutPem):
    """The certificate does not chain to an issuer that is accepted here."""


@dataclass(frozen=True, slots=True)
class Anchors:
    """The issuers that certificates must chain to; without any, every issuer is taken, and the certificate's own holder too."""

    certificates: tuple[x509.Certificate, ...] = ()


@dataclass(frozen=True, slots=True)
class Paper:
    """What a certificate says that was judged good."""

    thumbprint: str
    subject: str
    issuer: str
    serial_number: str
    not_before: datetime
    not_after: datetime
    chained_to: str | None


def read_and_judge(pem: str, anchors: Anchors, now: datetime) -> Paper:
    """Return what a client certificate says, if it may prove an application; certificates of its issuers may follow it.

    Raises ``CertificateNotReadable``, ``PrivateKeyGiven``, ``CertificateNotForClients``, ``CertificateTooWeak``,
    ``CertificateNotYetValid``, ``CertificateExpired`` or ``CertificateNotTrusted``.
    """
    own, *issuers = _read(pem)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", CryptographyDeprecationWarning)
            return _judge(own, issuers, anchors, now)
    except (*_CAUSES, CryptographyDeprecationWarning) as error:
        raise CertificateNotReadable("give a certificate that is well formed: a part of this one cannot be read") from error


def _judge(own: x509.Certificate, issuers: Sequence[x509.Certificate], anchors: Anchors, now: datetime) -> Paper:
    paper = Paper(
        thumbprint=thumbprint_of(own),
        subject=_name(own.subject),
        issuer=_name(own.issuer),
        serial_number=f"{own.serial_number:x}",
        not_before=own.not_valid_before_utc,
        not_after=own.not_valid_after_utc,
        chained_to=None,
    )
    _judge_purpose(own)
    _judge_time(paper, now)
    _judge_strength(own)
    if not anchors.certificates:
        return paper
    return replace(paper, chained_to=_trace(own, issuers, anchors, max(now, paper.not_before)))


def _read(pem: str) -> list[x509.Certificate]:
    if len(pem.encode("utf-8", "surrogatepass")) > MOST_BYTES:
        raise CertificateNotReadable(f"give at most {MOST_BYTES // 1024} KiB")
    if _PRIVATE.search(pem):
        raise PrivateKeyGiven
    found = read_pem(pem)
    if len(found) > MOST_CERTIFICATES:
        raise CertificateNotReadable(f"give the certificate and its issuers, at most {MOST_CERTIFICATES} in all")
    return found


def _name(name: x509.Name) -> str:
    """Return a name as RFC 4514 writes it, in one line: what cannot be printed is escaped."""
    text = name.rfc4514_string()
    written = "".join(each if each.isprintable() else "".join(f"\\{byte:02X}" for byte in each.encode()) for each in text)
    if len(written) > _LONGEST_NAME:
        raise CertificateNotReadable(f"give a certificate whose names have at most {_LONGEST_NAME} characters")
    return written


def _judge_purpose(own: x509.Certificate) -> None:
    for extension in own.extensions:
        match extension.value:
            case x509.BasicConstraints(ca=True):
                raise CertificateNotForClients(
                    "give the client's own certificate first; this one may issue others (CA:TRUE). "
                    "A self-signed one is made with -addext basicConstraints=critical,CA:FALSE"
                )
            case x509.ExtendedKeyUsage() as usages if not _allows_clients(usages):
                raise CertificateNotForClients("give one whose extended key usage has TLS client authentication (clientAuth)")
            case x509.KeyUsage(digital_signature=False):
                raise CertificateNotForClients("give one whose key usage has digitalSignature")
            case _:
                continue


def _allows_clients(usages: x509.ExtendedKeyUsage) -> bool:
    return ExtendedKeyUsageOID.CLIENT_AUTH in usages or ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE in usages


def _judge_time(paper: Paper, now: datetime) -> None:
    if now + SKEW < paper.not_before:
        raise CertificateNotYetValid(f"register it from {paper.not_before:%Y-%m-%d %H:%M} UTC on")
    if now >= paper.not_after:
        raise CertificateExpired


def _judge_strength(own: x509.Certificate) -> None:
    match own.public_key():
        case rsa.RSAPublicKey(key_size=bits):
            is_strong = bits in _RSA_BITS
        case ec.EllipticCurvePublicKey(curve=curve):
            is_strong = curve.name in _CURVES
        case key:
            is_strong = isinstance(key, ed25519.Ed25519PublicKey)
    if not is_strong:
        raise CertificateTooWeak("give one with an RSA key of 2048 to 8192 bits, an EC key on P-256, P-384 or P-521, or Ed25519")
    algorithm = own.signature_hash_algorithm
    if algorithm is not None and algorithm.name not in _HASHES:
        raise CertificateTooWeak(f"give one that was signed with SHA-256, SHA-384 or SHA-512, not with {algorithm.name}")


def _trace(own: x509.Certificate, issuers: Sequence[x509.Certificate], anchors: Anchors, moment: datetime) -> str:
    """Return the name of the anchor that a certificate chains to. Raises ``CertificateNotTrusted``."""
    if own.issuer == own.subject:
        raise CertificateNotTrusted("give one that an accepted issuer has signed; this one is signed by itself")
    # What a client's certificate must say stands above; names of hosts in it, which the web's rules ask for, mean nothing here.
    rules = PolicyBuilder().store(Store(list(anchors.certificates))).time(moment).max_chain_depth(MOST_CERTIFICATES)
    rules = rules.extension_policies(ca_policy=ExtensionPolicy.webpki_defaults_ca(), ee_policy=ExtensionPolicy.permit_all())
    try:
        chain = rules.build_client_verifier().verify(own, list(issuers)).chain
    except VerificationError as error:
        raise CertificateNotTrusted(
            "give one that an accepted issuer has signed, followed by the certificates of the issuers in between"
        ) from error
    return _name(chain[-1].subject)
