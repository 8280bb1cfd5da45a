"""Time stamps (RFC 3161): whether a token was given for these bytes, by whom, and whether it proves the time it tells."""

import hashlib
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Literal

from asn1crypto import cms, core, tsp, x509  # type: ignore[import-untyped]
from pyhanko.sign.validation import generic_cms
from pyhanko.sign.validation.errors import SignatureValidationError

from services.identity.signatures.chains import Moment, Tracer
from services.identity.signatures.findings import TimeStamp, Trouble, moment, trouble
from services.identity.signatures.signers import name_of, strength_of

MOST_STAMPS = 8
_CLOCKS_DIFFER = timedelta(minutes=5)
_CLAIM_TOLERATED = timedelta(days=1)
_DIGESTS = {"sha1", "sha224", "sha256", "sha384", "sha512", "sha3_256", "sha3_384", "sha3_512"}

# What cryptography, asn1crypto and pyHanko raise on tokens and signatures that are not what they should be.
UNREADABLE = (ValueError, TypeError, KeyError, IndexError, AttributeError, NotImplementedError, OverflowError)

Digest = Callable[[str], bytes]
Judged = tuple[TimeStamp | None, datetime | None, list[Trouble]]


def digest_of(content: bytes) -> Digest:
    """Return the function that gives the content's digest by an algorithm's name, or raises ``ValueError``."""

    def digest(algorithm: str) -> bytes:
        if algorithm not in _DIGESTS:
            raise ValueError(algorithm)
        return hashlib.new(algorithm, content, usedforsecurity=False).digest()

    return digest


class StampJudge:
    """Judges tokens at one time of judging."""

    def __init__(self, tracer: Tracer, at: datetime) -> None:
        self._tracer, self._at = tracer, at

    async def judge(
        self, token: bytes, digest: Digest, *, of: Literal["SIGNATURE", "DOCUMENT"] = "SIGNATURE", covers: str | None = None
    ) -> Judged:
        """Return the stamp, the time that it proves (None where it proves nothing), and what is wrong with it."""
        try:
            return await self._judge(token, digest, of, covers)
        except (*UNREADABLE, SignatureValidationError):
            return None, None, [trouble("TIME_STAMP_NOT_READABLE")]

    async def _judge(self, token: bytes, digest: Digest, of: Literal["SIGNATURE", "DOCUMENT"], covers: str | None) -> Judged:
        data = cms.ContentInfo.load(token, strict=False)["content"]
        info = _info(data)
        certificates = generic_cms.extract_certs_for_validation(data)
        authority = certificates.signer_cert
        time = info["gen_time"].native.astimezone(UTC)
        imprint = info["message_imprint"]
        algorithm = imprint["hash_algorithm"]["algorithm"].native
        matches = digest(algorithm) == imprint["hashed_message"].native
        chain = await self._tracer.trace(authority, certificates.other_certs, Moment(time, proven=True), purpose="TIME_STAMPS")
        signer_info = data["signer_infos"][0]
        used = [algorithm, signer_info["digest_algorithm"]["algorithm"].native]
        weak = [each.message for each in strength_of(authority, used)[1]]
        troubles = []
        if not matches:
            troubles.append(trouble("TIME_STAMP_OF_SOMETHING_ELSE"))
        if not _is_sound(data, authority):
            troubles.append(trouble("TIME_STAMP_BROKEN"))
        if chain.status in ("UNKNOWN_ISSUER", "SELF_SIGNED"):
            troubles.append(trouble("TIME_STAMP_AUTHORITY_UNKNOWN"))
        elif chain.status != "TRUSTED":
            troubles.append(trouble("TIME_STAMP_AUTHORITY_NOT_VALID"))
        if weak:
            troubles.append(trouble("TIME_STAMP_WEAK", algorithm=", ".join(sorted({*used, strength_of(authority, [])[0].key}))))
        if time > self._at + _CLOCKS_DIFFER:
            troubles.append(trouble("TIME_STAMP_IN_THE_FUTURE"))
        stamp = TimeStamp(of, moment(time), name_of(authority.subject), matches, not troubles, chain.status, covers)
        if stamp.trusted and authority["tbs_certificate"]["validity"]["not_after"].native < self._at:
            troubles.append(trouble("AUTHORITY_EXPIRED_SINCE"))
        return stamp, time if stamp.trusted else None, troubles


def claim_troubles(claimed: datetime | None, proven: datetime | None, at: datetime) -> list[Trouble]:
    """Return what is odd about the time that the signer's own clock told."""
    if claimed is None:
        return []
    told = claimed if claimed.tzinfo else claimed.replace(tzinfo=UTC)
    if proven is not None and not (proven - _CLAIM_TOLERATED <= told <= proven + _CLOCKS_DIFFER):
        return [trouble("CLAIMED_TIME_DIFFERS", claimed=moment(told), stamped=moment(proven))]
    if told > at + _CLOCKS_DIFFER:
        return [trouble("CLAIMED_TIME_IN_THE_FUTURE", claimed=moment(told))]
    return []


def _info(data: cms.SignedData) -> tsp.TSTInfo:
    content = data["encap_content_info"]["content"]
    info = content.parsed if isinstance(content, core.ParsableOctetString) else None
    if data["encap_content_info"]["content_type"].native != "tst_info" or not isinstance(info, tsp.TSTInfo):
        raise ValueError("not a time stamp")
    if len(data["signer_infos"]) != 1:
        raise ValueError("not one signer")
    return info


def _is_sound(data: cms.SignedData, authority: x509.Certificate) -> bool:
    signer_info = data["signer_infos"][0]
    if signer_info["signed_attrs"] is core.VOID or not signer_info["signed_attrs"]:
        return False
    content = bytes(data["encap_content_info"]["content"])
    digest = digest_of(content)(signer_info["digest_algorithm"]["algorithm"].native)
    intact, valid = generic_cms.validate_sig_integrity(signer_info, authority, "tst_info", digest)
    return bool(intact and valid)
