"""One XAdES signature of a container, verified by signxml, and what was found out about it."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from asn1crypto import x509  # type: ignore[import-untyped]
from cryptography.x509 import load_der_x509_certificate
from lxml import etree  # type: ignore[import-untyped]
from signxml.algorithms import CanonicalizationMethod, DigestAlgorithm, SignatureMethod
from signxml.exceptions import InvalidDigest, InvalidSignature, SignXMLException
from signxml.xades.xades import XAdESSignatureConfiguration, XAdESVerifier, XAdESVerifyResult

from services.identity.signatures.asice.markup import CANONICAL, DEFAULT_CANONICAL, DS, Element, canonical, parser, written
from services.identity.signatures.asice.names import MIMETYPE, resolve
from services.identity.signatures.asice.structure import (
    DataReference,
    Unsigned,
    bound_certificate,
    certificates_of,
    claimed_time,
    data_references,
    signature_method,
    unsigned_parts,
)
from services.identity.signatures.chains import Evidence, Moment, Tracer
from services.identity.signatures.codes import Effect
from services.identity.signatures.findings import (
    Refused,
    Signature,
    TimeStamp,
    Trouble,
    bounded,
    moment,
    shown,
    trouble,
    worst_first,
)
from services.identity.signatures.signers import signer_of, strength_of
from services.identity.signatures.timestamps import MOST_STAMPS, UNREADABLE, StampJudge, claim_troubles, digest_of

_MOST_NAMED = 20


@dataclass(frozen=True, slots=True)
class _Verified:
    """What signxml has confirmed: the files it compared and the signed properties; or what is wrong."""

    entries: tuple[str, ...] = ()
    claimed: datetime | None = None
    faults: tuple[Trouble, ...] = ()


@dataclass(frozen=True, slots=True)
class _Timing:
    stamp: TimeStamp | None
    proven: datetime | None
    troubles: tuple[Trouble, ...]
    unsigned: Unsigned


class SignatureJudge:
    """Judges the signatures of one container."""

    def __init__(self, data: Mapping[str, bytes], names: frozenset[str], tracer: Tracer, at: datetime) -> None:
        self._data, self._names, self._tracer, self._at = data, names, tracer, at
        self._stamps = StampJudge(tracer, at)

    async def judge(self, label: str, signature: Element) -> tuple[Signature, frozenset[str]]:
        """Return what is found out about a signature, and the files it refers to.

        Raises ``Refused`` where the whole container is not safe.
        """
        unreadable = Signature(
            label=shown(label),
            intact=False,
            signer=None,
            claimed_signing_time=None,
            time_stamp=None,
            chain="NOT_CHECKED",
            revocation="NOT_CHECKED",
            algorithm=None,
            covers="UNCLEAR",
        )
        try:
            return await self._judge(unreadable, signature)
        except Refused as refused:
            if refused.trouble.effect > Effect.BREAKS:
                raise
            return replace(unreadable, problems=(refused.trouble,)), frozenset()
        except UNREADABLE as error:
            reason = str(error) or type(error).__name__
            return replace(unreadable, problems=(trouble("SIGNATURE_NOT_READABLE", reason=reason),)), frozenset()

    async def _judge(self, blank: Signature, signature: Element) -> tuple[Signature, frozenset[str]]:
        references, troubles = data_references(signature, self._names)
        certificates, method = certificates_of(signature), signature_method(signature)
        digest, algorithm = bound_certificate(signature)
        signing = next((each for each in certificates if _digest(algorithm, each.dump()) == digest), None)
        if signing is None:
            verified = _Verified(faults=(trouble("SIGNING_CERTIFICATE_MISMATCH"),))
        else:
            verified = _Verified() if troubles else self._verify(signature, signing, references)
        faults = tuple(dict.fromkeys((*troubles, *verified.faults)))
        timing = await self._timing(signature, unsigned_parts(signature))
        strength, weak = strength_of(
            signing or certificates[0], [_digest_name(method), algorithm.name, *(each.algorithm.name for each in references)]
        )
        judged = await self._traced(blank, certificates, timing, signing or certificates[0])
        referred = frozenset(each.entry for each in references)
        left_out = sorted(self._data.keys() - referred)
        said = [*faults, *judged.problems, *weak, *timing.troubles, *timing.unsigned.troubles]
        said += claim_troubles(verified.claimed, timing.proven, self._at)
        said += [trouble("SIGNATURE_LEAVES_OUT", name=name) for name in left_out[:_MOST_NAMED]]
        return replace(
            judged,
            intact=not faults,
            claimed_signing_time=moment(verified.claimed) if verified.claimed else None,
            time_stamp=timing.stamp,
            algorithm=strength,
            covers="ENTRIES" if left_out else "ENTIRE_FILE",
            entries=bounded(sorted(set(verified.entries) - {MIMETYPE})),
            problems=worst_first(said),
        ), referred

    async def _traced(
        self, blank: Signature, others: list[x509.Certificate], timing: _Timing, certificate: x509.Certificate
    ) -> Signature:
        """Return the signature with its signer and what tracing the signer's certificate has brought."""
        chain = await self._tracer.trace(
            certificate,
            [*others, *_loaded(timing.unsigned.certificates)],
            Moment(timing.proven or self._at, proven=timing.proven is not None),
            evidence=Evidence(timing.unsigned.crls, timing.unsigned.ocsps),
        )
        signer = signer_of(certificate)
        has_expired = chain.status == "TRUSTED" and signer.not_after < moment(self._at)
        since = (trouble("CERTIFICATE_EXPIRED_SINCE"),) if has_expired else ()
        return replace(blank, signer=signer, chain=chain.status, revocation=chain.revocation, problems=(*chain.troubles, *since))

    def _verify(self, signature: Element, certificate: x509.Certificate, references: list[DataReference]) -> _Verified:
        changed = [each.entry for each in references if _digest(each.algorithm, self._bytes(each.entry)) != each.digest]
        if changed:
            return _Verified(faults=tuple(trouble("DATA_CHANGED", name=name) for name in changed[:_MOST_NAMED]))
        compared: list[str] = []

        def bytes_of(uri: str) -> bytes | None:
            entry = resolve(uri, self._names)
            compared.append(entry or "")
            return self._bytes(entry) if entry is not None else None

        try:
            results: Any = XAdESVerifier().verify(
                written(signature),
                x509_cert=load_der_x509_certificate(certificate.dump()),
                uri_resolver=bytes_of,
                parser=parser(),
                expect_config=_configuration(certificate),
            )
        except (SignXMLException, etree.DocumentInvalid, *UNREADABLE) as error:
            return _Verified(faults=(_fault(error),))
        signed = [each.signed_properties for each in results if isinstance(each, XAdESVerifyResult)]
        if len(signed) != 1 or set(compared) != {each.entry for each in references}:
            return _Verified(faults=(trouble("SIGNED_PROPERTIES_NOT_SIGNED"),))
        return _Verified(tuple(compared), claimed_time(signed[0]))

    def _bytes(self, entry: str) -> bytes:
        return self._data.get(entry, b"")

    async def _timing(self, signature: Element, unsigned: Unsigned) -> _Timing:
        """Return the first good time stamp; else the first one, with what is wrong with all."""
        first: TimeStamp | None = None
        spoiled: list[Trouble] = []
        value = signature.find(f"{DS}SignatureValue")
        for token, form in unsigned.stamps[:MOST_STAMPS]:
            algorithm = form or DEFAULT_CANONICAL
            if algorithm not in CANONICAL or value is None:
                spoiled.append(trouble("TIME_STAMP_NOT_READABLE"))
                continue
            stamp, proven, troubles = await self._stamps.judge(token, digest_of(canonical(value, algorithm)))
            if proven is not None:
                return _Timing(stamp, proven, tuple(troubles), unsigned)
            first = first or stamp
            spoiled += troubles
        said = spoiled if unsigned.stamps else [trouble("NO_TIME_STAMP")]
        return _Timing(first, None, tuple(said), unsigned)


def _configuration(certificate: x509.Certificate) -> XAdESSignatureConfiguration:
    """Return what signxml is to accept: also what is weak, which is told by name; validity is the chain's matter."""
    return XAdESSignatureConfiguration(
        expect_references=True,
        location="./",
        signature_methods=frozenset(each for each in SignatureMethod if not each.name.startswith("HMAC")),
        digest_algorithms=frozenset(DigestAlgorithm),
        default_reference_c14n_method=CanonicalizationMethod.CANONICAL_XML_1_0,
        verification_time=certificate["tbs_certificate"]["validity"]["not_before"].native,
    )


def _fault(error: Exception) -> Trouble:
    if isinstance(error, InvalidDigest):
        about_certificate = "certificate digest" in str(error)
        return trouble("SIGNING_CERTIFICATE_MISMATCH") if about_certificate else trouble("DATA_CHANGED", name="its properties")
    if isinstance(error, InvalidSignature):
        return trouble("SIGNATURE_VALUE_WRONG")
    return trouble("SIGNATURE_NOT_READABLE", reason=(str(error) or type(error).__name__).removesuffix("."))


def _digest_name(method: SignatureMethod) -> str:
    """Return the digest of a signature method: ``RSA_SHA256``, ``ECDSA_SHA3_256``, ``SHA256_RSA_MGF1``."""
    first, _, rest = method.name.partition("_")
    return rest if first in ("RSA", "ECDSA", "DSA") else method.name.split("_RSA")[0]


def _digest(algorithm: DigestAlgorithm, content: bytes) -> bytes:
    return hashlib.new(algorithm.name.lower(), content, usedforsecurity=False).digest()


def _loaded(certificates: tuple[bytes, ...]) -> list[x509.Certificate]:
    found = []
    for each in certificates:
        try:
            certificate = x509.Certificate.load(each, strict=True)
            _ = certificate.subject.native
        except UNREADABLE:
            continue
        found.append(certificate)
    return found
