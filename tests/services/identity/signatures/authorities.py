"""Authorities, signers and a time-stamping authority of our own, with real keys, made once per run."""

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import cache

from asn1crypto import algos, keys, tsp  # type: ignore[import-untyped]
from asn1crypto import x509 as asn1_x509
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from pyhanko.sign.timestamps.dummy_client import DummyTimeStamper

from services.identity.signatures.anchors import Anchors

SIGNED = datetime(2026, 3, 1, 10, 0, tzinfo=UTC)
JUDGED = datetime(2026, 6, 1, 12, 0, tzinfo=UTC)
_BEGIN, _END = datetime(2020, 1, 1, tzinfo=UTC), datetime(2045, 1, 1, tzinfo=UTC)

PrivateKey = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey
TLS_SERVER = ExtendedKeyUsageOID.SERVER_AUTH
TIME_STAMPING = ExtendedKeyUsageOID.TIME_STAMPING


@dataclass(frozen=True)
class Holder:
    """What a certificate is to say; ``issuer`` and ``key`` are names of other holders and keys."""

    common_name: str = "Anna Bērziņa"
    given_name: str | None = "Anna"
    surname: str | None = "Bērziņa"
    personal_code: str | None = "PNOLV-010190-12345"
    organization: str | None = None
    issuer: "Holder | None" = None
    is_authority: bool = False
    key: str = "rsa-2048 signer"
    not_before: datetime = _BEGIN
    not_after: datetime = _END
    usages: tuple[str, ...] | None = ("digital_signature", "content_commitment")
    extended: tuple[x509.ObjectIdentifier, ...] = ()
    digest: str = "sha256"


ROOT = Holder("Test Trust Root", None, None, None, "Test Trust", is_authority=True, key="rsa-2048 root")
SIGNER = Holder(issuer=ROOT)
SECOND_SIGNER = replace(SIGNER, common_name="Jānis Kalniņš", given_name="Jānis", surname="Kalniņš", key="ec signer")
TSA = Holder(
    "Test Time Stamps", None, None, None, "Test Trust", issuer=ROOT, key="rsa-2048 tsa", usages=("digital_signature",),
    extended=(TIME_STAMPING,),
)  # fmt: skip
STRANGE_ROOT = replace(ROOT, common_name="Somebody Else", key="rsa-2048 strange root")
STRANGE_SIGNER = replace(SIGNER, issuer=STRANGE_ROOT)
STRANGE_TSA = replace(TSA, issuer=STRANGE_ROOT)


@dataclass(frozen=True)
class Issued:
    """A certificate with its key."""

    certificate: x509.Certificate
    key: PrivateKey
    chain: tuple[x509.Certificate, ...] = field(default=())

    @property
    def der(self) -> bytes:
        return self.certificate.public_bytes(Encoding.DER)

    @property
    def asn1(self) -> asn1_x509.Certificate:
        return asn1_x509.Certificate.load(self.der)

    @property
    def asn1_key(self) -> keys.PrivateKeyInfo:
        return keys.PrivateKeyInfo.load(self.key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption()))

    @property
    def asn1_chain(self) -> list[asn1_x509.Certificate]:
        return [asn1_x509.Certificate.load(each.public_bytes(Encoding.DER)) for each in self.chain]


@cache
def key_of(name: str) -> PrivateKey:
    kind = name.split(maxsplit=1)[0]
    if kind == "ec":
        return ec.generate_private_key(ec.SECP256R1())
    return rsa.generate_private_key(65537, int(kind.removeprefix("rsa-")))


@cache
def issued(holder: Holder) -> Issued:
    """Return a holder's certificate and key; without an issuer it is signed by itself."""
    key = key_of(holder.key)
    above = issued(holder.issuer) if holder.issuer else None
    builder = (
        x509.CertificateBuilder()
        .subject_name(_name(holder))
        .issuer_name(_name(holder.issuer or holder))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(holder.not_before)
        .not_valid_after(holder.not_after)
        .add_extension(x509.BasicConstraints(ca=holder.is_authority, path_length=None), critical=True)
    )
    usages = ("key_cert_sign", "crl_sign") if holder.is_authority else holder.usages
    if usages is not None:
        builder = builder.add_extension(_usage(usages), critical=True)
    if holder.extended:
        builder = builder.add_extension(x509.ExtendedKeyUsage(holder.extended), critical=True)
    certificate = builder.sign(above.key if above else key, hashes.SHA256())
    if holder.digest == "sha1":
        certificate = _signed_with_sha1(certificate, above.key if above else key)
    return Issued(certificate, key, (above.certificate, *above.chain) if above else ())


def test_anchors() -> Anchors:
    """Return the authorities that the tests trust: the root of signers and time stamps."""
    return Anchors((issued(ROOT).der,))


test_anchors.__test__ = False  # type: ignore[attr-defined]  # a name for tests, not one of them


def time_stamp(content: bytes, time: datetime = SIGNED, authority: Holder = TSA, digest: str = "sha256") -> bytes:
    """Return an RFC 3161 token over a content, as DER."""
    hasher = hashes.Hash(getattr(hashes, digest.upper())())
    hasher.update(content)
    imprint = tsp.MessageImprint(
        {"hash_algorithm": algos.DigestAlgorithm({"algorithm": digest}), "hashed_message": hasher.finalize()}
    )
    request = tsp.TimeStampReq({"version": 1, "message_imprint": imprint, "cert_req": True})
    token: bytes = time_stamper(time, authority).request_tsa_response(request)["time_stamp_token"].dump()
    return token


def time_stamper(time: datetime = SIGNED, authority: Holder = TSA) -> DummyTimeStamper:
    """Return a time-stamping authority whose clock stands still."""
    tsa = issued(authority)
    return DummyTimeStamper(tsa.asn1, tsa.asn1_key, tsa.asn1_chain, fixed_dt=time)  # type: ignore[arg-type]


def _name(holder: Holder) -> x509.Name:
    parts = [
        (NameOID.COUNTRY_NAME, "LV"),
        (NameOID.ORGANIZATION_NAME, holder.organization),
        (NameOID.SURNAME, holder.surname),
        (NameOID.GIVEN_NAME, holder.given_name),
        (NameOID.SERIAL_NUMBER, holder.personal_code),
        (NameOID.COMMON_NAME, holder.common_name),
    ]
    return x509.Name([x509.NameAttribute(oid, text) for oid, text in parts if text])


def _signed_with_sha1(certificate: x509.Certificate, key: PrivateKey) -> x509.Certificate:
    made = asn1_x509.Certificate.load(certificate.public_bytes(Encoding.DER))
    weak = {"algorithm": "sha1_rsa"}
    made["tbs_certificate"]["signature"] = weak
    made["signature_algorithm"] = weak
    assert isinstance(key, rsa.RSAPrivateKey)
    made["signature_value"] = key.sign(made["tbs_certificate"].dump(), padding.PKCS1v15(), hashes.SHA1())
    return x509.load_der_x509_certificate(made.dump())


def _usage(names: tuple[str, ...]) -> x509.KeyUsage:
    every = (
        "digital_signature", "content_commitment", "key_encipherment", "data_encipherment", "key_agreement", "key_cert_sign",
        "crl_sign", "encipher_only", "decipher_only",
    )  # fmt: skip
    return x509.KeyUsage(**{name: name in names for name in every})
