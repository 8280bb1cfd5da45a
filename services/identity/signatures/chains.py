"""Whether a certificate can be traced to an authority that is trusted here, was valid at a moment, and is meant for its use."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

from asn1crypto import crl, ocsp, x509  # type: ignore[import-untyped]
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.x509 import load_der_x509_certificate
from pyhanko_certvalidator import ValidationContext, find_valid_path
from pyhanko_certvalidator.errors import (
    DisallowedAlgorithmError,
    ExpiredError,
    InvalidCertificateError,
    NotYetValidError,
    PathBuildingError,
    RevokedError,
    ValidationError,
)

from services.identity.signatures.anchors import Anchors
from services.identity.signatures.findings import ChainStatus, Revocation, Trouble, trouble
from services.identity.signatures.findings import moment as written
from services.identity.signatures.signers import name_of

Purpose = Literal["DOCUMENTS", "TIME_STAMPS"]
_MOST_CERTIFICATES = 40
_MOST_EVIDENCE = 40
# A certificate whose extended key usage names nothing but these was given for something else than documents.
_OTHER_USES = {"server_auth", "client_auth", "code_signing", "time_stamping", "ocsp_signing", "ipsec_end_system", "ipsec_tunnel"}


@dataclass(frozen=True, slots=True)
class Evidence:
    """What a file itself brings of its certificates' state: revocation lists and OCSP answers, as DER."""

    crls: tuple[bytes, ...] = ()
    ocsps: tuple[bytes, ...] = ()


@dataclass(frozen=True, slots=True)
class Moment:
    """The time at which a certificate had to be valid, and whether a time stamp proves it; else it is the time of judging."""

    time: datetime
    proven: bool


@dataclass(frozen=True, slots=True)
class Chain:
    """What tracing a certificate has brought."""

    status: ChainStatus
    revocation: Revocation = "NOT_CHECKED"
    troubles: tuple[Trouble, ...] = ()


class Tracer:
    """Traces certificates to the authorities it is given; fetches nothing."""

    def __init__(self, anchors: Anchors) -> None:
        self._roots = [x509.Certificate.load(each) for each in anchors.certificates]

    async def trace(
        self,
        certificate: x509.Certificate,
        others: Iterable[x509.Certificate],
        at: Moment,
        *,
        purpose: Purpose = "DOCUMENTS",
        evidence: Evidence | None = None,
    ) -> Chain:
        """Return whether the certificate was good for the purpose then; ``others`` may stand between it and an authority."""
        status, misuses = _misuses(certificate, purpose)
        known = list(others)[:_MOST_CERTIFICATES]
        traced = await self._traced(certificate, known, at, evidence or Evidence())
        if traced.status != "TRUSTED" or status == "TRUSTED":
            status = traced.status
        return Chain(status, traced.revocation, (*misuses, *traced.troubles))

    async def _traced(
        self, certificate: x509.Certificate, others: Sequence[x509.Certificate], at: Moment, evidence: Evidence
    ) -> Chain:
        if evidence.crls or evidence.ocsps:
            try:
                await self._validate(certificate, self._context(others, at, evidence, "require"))
                return Chain("TRUSTED", "GOOD")
            except RevokedError:
                return Chain("REVOKED", "REVOKED", (trouble("REVOKED"),))
            except (ValidationError, PathBuildingError, ValueError):
                pass  # The evidence does not reach, or something else is wrong: said by what follows.
        try:
            await self._validate(certificate, self._context(others, at, evidence, "soft-fail"))
            return Chain("TRUSTED", "NOT_CHECKED", (trouble("REVOCATION_NOT_CHECKED"),))
        except (ValidationError, PathBuildingError, ValueError) as error:
            return self._failed(error, certificate, others, at)

    async def _validate(self, certificate: x509.Certificate, context: ValidationContext) -> None:
        paths = context.path_builder.async_build_paths_lazy(certificate)
        await find_valid_path(certificate, paths, context)

    def _context(self, others: Sequence[x509.Certificate], at: Moment, evidence: Evidence, mode: str) -> ValidationContext:
        return ValidationContext(
            trust_roots=self._roots,
            other_certs=others,
            moment=at.time.astimezone(UTC),
            best_signature_time=at.time.astimezone(UTC),
            allow_fetching=False,
            crls=[crl.CertificateList.load(each) for each in evidence.crls[:_MOST_EVIDENCE]],
            ocsps=[ocsp.OCSPResponse.load(each) for each in evidence.ocsps[:_MOST_EVIDENCE]],
            revocation_mode=mode,
            retroactive_revinfo=True,
        )

    def _failed(self, error: Exception, certificate: x509.Certificate, others: Sequence[x509.Certificate], at: Moment) -> Chain:
        if isinstance(error, RevokedError):
            return Chain("REVOKED", "REVOKED", (trouble("REVOKED"),))
        if isinstance(error, ExpiredError):
            return _expired(certificate, error.expired_dt, at)
        if isinstance(error, NotYetValidError):
            return Chain("NOT_YET_VALID", troubles=(trouble("NOT_YET_VALID", not_before=written(error.valid_from)),))
        if isinstance(error, DisallowedAlgorithmError):
            return Chain("WEAK", troubles=(trouble("WEAK_CHAIN"),))
        return self._untraced(error, certificate, others)

    def _untraced(self, error: Exception, certificate: x509.Certificate, others: Sequence[x509.Certificate]) -> Chain:
        issuer = name_of(certificate.issuer)
        if self._is_spoofed(certificate, others):
            return Chain("UNKNOWN_ISSUER", troubles=(trouble("ISSUER_SPOOFED", issuer=issuer),))
        if certificate.issuer == certificate.subject:
            return Chain("SELF_SIGNED", troubles=(trouble("SELF_SIGNED"),))
        if isinstance(error, (PathBuildingError, InvalidCertificateError)):
            return Chain("UNKNOWN_ISSUER", troubles=(trouble("ISSUER_UNKNOWN", issuer=issuer),))
        reason = error.failure_msg if isinstance(error, ValidationError) else "a certificate of it cannot be read"
        return Chain("NOT_VALID", troubles=(trouble("CHAIN_NOT_VALID", reason=reason.removesuffix(".")),))

    def _is_spoofed(self, certificate: x509.Certificate, others: Sequence[x509.Certificate]) -> bool:
        """Say whether somebody up the chain names one of our authorities as issuer, which did not sign it."""
        current = certificate
        for _ in range(_MOST_CERTIFICATES):
            named = [root for root in self._roots if root.subject == current.issuer]
            if named:
                return not any(_has_signed(root, current) for root in named)
            above = next((each for each in others if each.subject == current.issuer and each is not current), None)
            if above is None or current.issuer == current.subject:
                return False
            current = above
        return False


def _has_signed(authority: x509.Certificate, certificate: x509.Certificate) -> bool:
    try:
        above, below = load_der_x509_certificate(authority.dump()), load_der_x509_certificate(certificate.dump())
        below.verify_directly_issued_by(above)
    except (ValueError, TypeError, InvalidSignature, UnsupportedAlgorithm):
        return False
    return True


def _expired(certificate: x509.Certificate, not_after: datetime, at: Moment) -> Chain:
    own_end = certificate["tbs_certificate"]["validity"]["not_after"].native
    told = written(min(own_end, not_after))
    if at.proven:
        return Chain("EXPIRED_AT_SIGNING", troubles=(trouble("EXPIRED_AT_SIGNING", not_after=told),))
    return Chain("EXPIRED_WITHOUT_PROOF", troubles=(trouble("EXPIRED_WITHOUT_PROOF", not_after=told),))


def _misuses(certificate: x509.Certificate, purpose: Purpose) -> tuple[ChainStatus, list[Trouble]]:
    usages = set(certificate.key_usage_value.native) if certificate.key_usage_value is not None else None
    extended = list(certificate.extended_key_usage_value.native) if certificate.extended_key_usage_value is not None else []
    if purpose == "TIME_STAMPS":
        # RFC 3161, 2.3: the authority's key signs time stamps only.
        return ("TRUSTED", []) if extended == ["time_stamping"] else ("NOT_FOR_SIGNING", [])
    if certificate.ca:
        return "NOT_FOR_SIGNING", [trouble("AUTHORITY_AS_SIGNER")]
    if extended and set(extended) <= _OTHER_USES:
        return "NOT_FOR_SIGNING", [trouble("NOT_FOR_SIGNING", purposes=", ".join(sorted(extended)))]
    if usages is not None and not usages & {"digital_signature", "non_repudiation"}:
        return "NOT_FOR_SIGNING", [trouble("NOT_FOR_SIGNING", purposes=", ".join(sorted(usages)) or "nothing")]
    if usages is not None and "non_repudiation" not in usages:
        return "TRUSTED", [trouble("NO_COMMITMENT_USAGE")]
    return "TRUSTED", []
