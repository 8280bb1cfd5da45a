"""What is found out about a file: never just "valid", always who signed what, when, and what is not known."""

import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from typing import Any, Literal

from pydantic import TypeAdapter

from services.identity.signatures.codes import CODES, VERDICTS, Effect

MOST_SIGNATURES = 32
MOST_NAMES = 100
MOST_TROUBLES = 50
_MOST_SIGNS = 200

Kind = Literal["PDF", "ASIC_E", "OTHER"]
ChainStatus = Literal[
    "TRUSTED",
    "UNKNOWN_ISSUER",
    "SELF_SIGNED",
    "NOT_VALID",
    "EXPIRED_AT_SIGNING",
    "EXPIRED_WITHOUT_PROOF",
    "NOT_YET_VALID",
    "NOT_FOR_SIGNING",
    "REVOKED",
    "WEAK",
    "NOT_CHECKED",
]
Revocation = Literal["NOT_CHECKED", "GOOD", "REVOKED"]
_LEVELS = {Effect.NOTE: "NOTE", Effect.WARNING: "WARNING"}
_BY_EFFECT = {
    Effect.PARTLY: "PARTLY_SIGNED",
    Effect.BREAKS: "BROKEN",
    Effect.NOT_SAFE: "NOT_SAFE",
    Effect.NOT_READABLE: "NOT_READABLE",
    Effect.NOT_SUPPORTED: "NOT_SUPPORTED",
}


def shown(text: object) -> str:
    """Return a foreign text as it may be shown: at most 200 characters, without control, format and surrogate characters."""
    line = str(text)[: _MOST_SIGNS + 1]
    plain = "".join(sign if unicodedata.category(sign)[0] != "C" else "\N{REPLACEMENT CHARACTER}" for sign in line)
    return plain if len(plain) <= _MOST_SIGNS else plain[: _MOST_SIGNS - 1] + "…"


def moment(time: datetime) -> str:
    """Return a time as ISO 8601 in UTC, to the second; a time without a zone is taken for UTC."""
    aware = time if time.tzinfo else time.replace(tzinfo=UTC)
    return aware.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


@dataclass(frozen=True, slots=True)
class Trouble:
    """One remark: a code of ``CODES``, its level (NOTE, WARNING or ERROR) and a sentence."""

    code: str
    level: str
    message: str

    @property
    def effect(self) -> Effect:
        """Return what it does to the verdict."""
        return CODES[self.code][0]


def trouble(code: str, **values: object) -> Trouble:
    """Return the trouble of a code with its sentence filled in; foreign texts in it are made fit to be shown."""
    effect, sentence = CODES[code]
    return Trouble(code, _LEVELS.get(effect, "ERROR"), sentence.format(**{name: shown(each) for name, each in values.items()}))


class Refused(Exception):  # noqa: N818 - it carries a trouble, and is no fault of the program
    """The examination ends here; what was found until then stands beside this trouble."""

    def __init__(self, code: str, **values: object) -> None:
        self.trouble = trouble(code, **values)
        super().__init__(self.trouble.message)


@dataclass(frozen=True, slots=True)
class PersonalCode:
    """The subject's ``serialNumber``: for people their national identity code, so personal data."""

    text: str
    masked: str
    personal: bool = True


@dataclass(frozen=True, slots=True)
class Signer:
    """Who signed, as the certificate tells it; times are ISO 8601 in UTC, the thumbprint is ``x5t#S256`` (RFC 8705)."""

    common_name: str
    given_name: str | None
    surname: str | None
    personal_code: PersonalCode | None
    organization: str | None
    organization_identifier: str | None
    country: str | None
    issuer: str
    thumbprint: str
    not_before: str
    not_after: str


@dataclass(frozen=True, slots=True)
class TimeStamp:
    """An RFC 3161 time stamp: of one signature (SIGNATURE) or of the whole document up to it (DOCUMENT)."""

    of: Literal["SIGNATURE", "DOCUMENT"]
    time: str
    authority: str
    matches: bool
    trusted: bool
    chain: ChainStatus
    covers: str | None = None


@dataclass(frozen=True, slots=True)
class Algorithm:
    """What a signature rests on: ``RSA 2048`` and the digests, and whether that is STRONG or WEAK."""

    key: str
    digests: tuple[str, ...]
    strength: Literal["STRONG", "WEAK"]


@dataclass(frozen=True, slots=True)
class Signature:
    """One signature. ``covers`` is ENTIRE_FILE, REVISION, ENTRIES or UNCLEAR; of containers ``entries`` names what it covers."""

    label: str
    intact: bool
    signer: Signer | None
    claimed_signing_time: str | None
    time_stamp: TimeStamp | None
    chain: ChainStatus
    revocation: Revocation
    algorithm: Algorithm | None
    covers: Literal["ENTIRE_FILE", "REVISION", "ENTRIES", "UNCLEAR"]
    revision: int | None = None
    revisions: int | None = None
    entries: tuple[str, ...] = ()
    problems: tuple[Trouble, ...] = ()


@dataclass(frozen=True, slots=True)
class Coverage:
    """What of the file is covered by intact signatures; for containers the entries by name (at most 100 of each kind)."""

    whole_file: bool
    signed_entries: tuple[str, ...] = ()
    unsigned_entries: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Examined:
    """What an examination of one kind of file has brought."""

    kind: Kind
    troubles: tuple[Trouble, ...] = ()
    signatures: tuple[Signature, ...] = ()
    document_time_stamps: tuple[TimeStamp, ...] = ()
    coverage: Coverage = field(default_factory=lambda: Coverage(whole_file=False))


@dataclass(frozen=True, slots=True)
class Finding:
    """The whole truth about a file, ready to be kept and shown."""

    kind: Kind
    verdict: str
    sentences: tuple[str, ...]
    judged_at: str
    file_name: str
    file_bytes: int
    file_sha256: str
    coverage: Coverage
    signatures: tuple[Signature, ...]
    document_time_stamps: tuple[TimeStamp, ...]
    problems: tuple[Trouble, ...]

    def as_document(self) -> dict[str, Any]:
        """Return the finding as plain data that JSON and BSON can hold; it contains personal data (``without_personal_data``)."""
        document: dict[str, Any] = _plain(asdict(self))
        return document

    @classmethod
    def of_document(cls, document: bytes | dict[str, Any]) -> "Finding":
        """Return the finding that became a document, as JSON or as plain data. Raises ``ValueError`` for anything else."""
        adapter = TypeAdapter(cls)
        return adapter.validate_json(document) if isinstance(document, bytes) else adapter.validate_python(document)


def without_personal_data(document: dict[str, Any]) -> dict[str, Any]:
    """Return a finding's document with personal codes masked, for those who need not compare them."""
    signatures = []
    for signature in document["signatures"]:
        signer = signature["signer"]
        if signer is not None and signer["personal_code"] is not None:
            signer = {**signer, "personal_code": {**signer["personal_code"], "text": None}}
        signatures.append({**signature, "signer": signer})
    return {**document, "signatures": signatures}


def verdict_of(examined: Examined) -> str:
    """Return the verdict: that of the worst trouble; without any, what the time stamps allow to say."""
    worst = max((each.effect for each in _all_troubles(examined)), default=Effect.NOTE)
    if worst >= Effect.BREAKS:
        return _BY_EFFECT[worst]
    if not examined.signatures:
        return "NOT_SIGNED"
    if worst == Effect.PARTLY or not examined.coverage.whole_file:
        return "PARTLY_SIGNED"
    if worst == Effect.NOT_TRUSTED or any(each.chain != "TRUSTED" for each in examined.signatures):
        return "SIGNED_NOT_TRUSTED"
    if all(each.time_stamp is not None and each.time_stamp.trusted for each in examined.signatures):
        return "SIGNED_AND_TIMESTAMPED"
    return "SIGNED_WITHOUT_TIME_STAMP"


def sentences_of(examined: Examined, verdict: str) -> tuple[str, ...]:
    """Return sentences for people: the verdict, each signature, and what goes against the file."""
    told = [VERDICTS[verdict]]
    told += [_sentence(each) for each in examined.signatures]
    told += [each.message for each in _all_troubles(examined) if each.effect >= Effect.NOT_TRUSTED]
    return tuple(dict.fromkeys(told))


def bounded(names: Iterable[str]) -> tuple[str, ...]:
    """Return names fit to be shown, at most 100 of them and then how many more."""
    every = [shown(name) for name in names]
    more = [f"… and {len(every) - MOST_NAMES} more"] if len(every) > MOST_NAMES else []
    return (*every[:MOST_NAMES], *more)


def worst_first(troubles: Sequence[Trouble]) -> tuple[Trouble, ...]:
    """Return at most 50 troubles without repetition, the gravest first, so that none of these is cut."""
    return tuple(sorted(dict.fromkeys(troubles), key=lambda each: -each.effect)[:MOST_TROUBLES])


def _all_troubles(examined: Examined) -> list[Trouble]:
    return [*examined.troubles, *(each for signature in examined.signatures for each in signature.problems)]


def _sentence(signature: Signature) -> str:
    who = signature.signer.common_name if signature.signer else "an unknown signer"
    if not signature.intact:
        return f"{signature.label}: the signature of {who} is broken."
    stamp = signature.time_stamp
    if stamp is not None and stamp.trusted:
        return f"{signature.label}: signed by {who}, not later than {stamp.time} (time stamp of {stamp.authority})."
    claimed = f", as claimed at {signature.claimed_signing_time}" if signature.claimed_signing_time else ""
    return f"{signature.label}: signed by {who}{claimed}; the time is not proven."


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _plain(each) for name, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(each) for each in value]
    return value
