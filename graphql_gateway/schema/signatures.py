"""What is found out about signatures: never just "valid", always who signed what, when, and what is not known."""

from enum import Enum

import strawberry

from graphql_gateway.engine.declare import reads
from graphql_gateway.schema.described import enum, type_
from graphql_gateway.schema.scalars import DateTime


@enum
class SignedFileKind(Enum):
    """What a file is, as its bytes tell."""

    PDF = "PDF"
    ASIC_E = "ASIC_E"
    OTHER = "OTHER"


@enum
class SignatureVerdict(Enum):
    """What can be said of a file as a whole; the worst of what was found decides."""

    SIGNED_AND_TIMESTAMPED = "SIGNED_AND_TIMESTAMPED"
    SIGNED_WITHOUT_TIME_STAMP = "SIGNED_WITHOUT_TIME_STAMP"
    SIGNED_NOT_TRUSTED = "SIGNED_NOT_TRUSTED"
    PARTLY_SIGNED = "PARTLY_SIGNED"
    NOT_SIGNED = "NOT_SIGNED"
    BROKEN = "BROKEN"
    NOT_SAFE = "NOT_SAFE"
    NOT_READABLE = "NOT_READABLE"
    NOT_SUPPORTED = "NOT_SUPPORTED"


@enum
class ProblemLevel(Enum):
    """How much a remark weighs."""

    NOTE = "NOTE"
    WARNING = "WARNING"
    ERROR = "ERROR"


@type_
class SignatureProblem:
    """One remark about a file or a signature."""

    code: str = reads(says="For programs, such as APPENDED_AFTER_SIGNING. New ones may come.")
    level: ProblemLevel
    message: str


@type_
class SignatureCoverage:
    """What of the file is covered by intact signatures; of containers the entries by name, at most 100 of each kind."""

    whole_file: bool
    signed_entries: list[str]
    unsigned_entries: list[str]


@type_
class PersonalCode:
    """The number by which a certificate tells its subject apart; for people their national identity code."""

    text: str | None = reads(says="Whole only for the operator, who compares it; null for all others.")
    masked: str
    personal: bool = reads(says="Whether it is a person's.")


@type_
class Signer:
    """Who signed, as the certificate tells it."""

    common_name: str
    given_name: str | None
    surname: str | None
    personal_code: PersonalCode | None
    organization: str | None
    organization_identifier: str | None
    country: str | None
    issuer: str
    thumbprint: str = reads(says="SHA-256 of the certificate in base64url.")
    not_before: DateTime
    not_after: DateTime


@enum
class TimeStampOf(Enum):
    """What a time stamp was given for."""

    SIGNATURE = "SIGNATURE"
    DOCUMENT = "DOCUMENT"


@enum
class ChainStatus(Enum):
    """Where a certificate leads: to a trusted authority, or why not."""

    TRUSTED = "TRUSTED"
    UNKNOWN_ISSUER = "UNKNOWN_ISSUER"
    SELF_SIGNED = "SELF_SIGNED"
    NOT_VALID = "NOT_VALID"
    EXPIRED_AT_SIGNING = "EXPIRED_AT_SIGNING"
    EXPIRED_WITHOUT_PROOF = "EXPIRED_WITHOUT_PROOF"
    NOT_YET_VALID = "NOT_YET_VALID"
    NOT_FOR_SIGNING = "NOT_FOR_SIGNING"
    REVOKED = "REVOKED"
    WEAK = "WEAK"
    NOT_CHECKED = "NOT_CHECKED"


@enum
class Revocation(Enum):
    """What is known of the revocation of a certificate."""

    NOT_CHECKED = "NOT_CHECKED"
    GOOD = "GOOD"
    REVOKED = "REVOKED"


@enum
class SignatureCovers(Enum):
    """What one signature covers."""

    ENTIRE_FILE = "ENTIRE_FILE"
    REVISION = "REVISION"
    ENTRIES = "ENTRIES"
    UNCLEAR = "UNCLEAR"


@enum
class AlgorithmStrength(Enum):
    """Whether what a signature rests on is strong enough today."""

    STRONG = "STRONG"
    WEAK = "WEAK"


@type_
class TimeStamp:
    """Proof that something existed at a time (RFC 3161)."""

    of: TimeStampOf
    time: DateTime
    authority: str
    matches: bool = reads(says="Whether it was given for this very thing.")
    trusted: bool
    chain: ChainStatus
    covers: SignatureCovers | None


@type_
class SignatureAlgorithm:
    """What a signature rests on, such as RSA 2048 and SHA-256."""

    key: str
    digests: list[str]
    strength: AlgorithmStrength


@type_
class Signature:
    """One signature of a file."""

    label: str
    intact: bool = reads(says="Whether what it covers is as it was when it was signed.")
    signer: Signer | None
    claimed_signing_time: DateTime | None = reads(says="What the signer's clock said; it proves nothing.")
    time_stamp: TimeStamp | None
    chain: ChainStatus
    revocation: Revocation
    algorithm: SignatureAlgorithm | None
    covers: SignatureCovers
    revision: int | None
    revisions: int | None
    entries: list[str]
    problems: list[SignatureProblem]


@type_
class SignatureFinding:
    """All that was found out about the signatures of a file."""

    kind: SignedFileKind
    verdict: SignatureVerdict
    sentences: list[str] = reads(says="For people: the verdict, each signature, and what goes against the file.")
    judged_at: DateTime
    file_sha256: strawberry.ID = reads(says="Of which bytes this was found.")
    coverage: SignatureCoverage
    signatures: list[Signature] = reads(size=3)
    document_time_stamps: list[TimeStamp] = reads(size=2)
    problems: list[SignatureProblem]
