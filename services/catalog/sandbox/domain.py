"""What is true of sandbox answers: which one fits a call best."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

_PREFERENCE = re.compile(r'\s*([A-Za-z]+)\s*(?:=\s*(?:"([^"]*)"|([^\s;,"]*)))?')


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer to an operation. ``statuses`` is what the document says: ``200``, ``4XX`` or ``default``."""

    statuses: str
    media_type: str | None
    example: str | None
    headers: tuple[tuple[str, str], ...]
    body: bytes

    def status(self, asked_for: int | None = None) -> int:
        """Return the status to answer with: of a range, the one asked for or its first."""
        if self.statuses.isdecimal():
            return int(self.statuses)
        if asked_for is not None:
            return asked_for
        return int(self.statuses[0]) * 100 if self.statuses[:1].isdecimal() else 200

    def covers(self, status: int) -> bool:
        """Say whether the document means this answer for the status."""
        return self.statuses == str(status) or self.statuses.upper() == f"{status // 100}XX"


@dataclass(frozen=True, slots=True)
class Preference:
    """What the caller prefers (RFC 7240): ``code=404``, ``example=name``."""

    code: int | None = None
    example: str | None = None


@dataclass(frozen=True, slots=True)
class Chosen:
    """The answer to give, and which preferences it keeps to."""

    answer: Answer
    status: int
    applied: tuple[str, ...]


def read_preference(header: str) -> Preference:
    """Return what a ``Prefer`` header asks for; what is not understood is passed over, as the RFC has it."""
    code, example = None, None
    for part in re.split(r"[,;]", header[:500]):
        found = _PREFERENCE.fullmatch(part.rstrip())
        if found is None:
            continue
        name, value = found.group(1).lower(), found.group(2) if found.group(2) is not None else found.group(3) or ""
        if name == "code" and code is None and re.fullmatch(r"[1-5][0-9]{2}", value):
            code = int(value)
        elif name == "example" and example is None and value:
            example = value
    return Preference(code, example)


def choose(answers: Sequence[Answer], accept: str, preference: Preference) -> Chosen | None:
    """Return the answer that fits best, or None where none is of a media type that the caller accepts."""
    with_status, applied = _with_status(answers, preference.code)
    acceptable = _acceptable(with_status, accept)
    if not acceptable:
        return None
    named = [each for each in acceptable if preference.example is not None and each.example == preference.example]
    if named:
        acceptable = named
        applied = (*applied, f"example={preference.example}")
    answer = acceptable[0]
    return Chosen(answer, answer.status(preference.code if applied and applied[0].startswith("code") else None), applied)


def _with_status(answers: Sequence[Answer], code: int | None) -> tuple[list[Answer], tuple[str, ...]]:
    if code is not None:
        exact = [each for each in answers if each.statuses == str(code)] or [each for each in answers if each.covers(code)]
        if not exact and code >= 400:
            exact = [each for each in answers if each.statuses == "default"]
        if exact:
            return exact, (f"code={code}",)
    first = min((each.statuses for each in answers), key=_rank, default="")
    return [each for each in answers if each.statuses == first], ()


def _rank(statuses: str) -> tuple[int, str]:
    """Order what an operation answers when all goes well: the least 2xx, a range of them, ``default``, then whatever there is."""
    if statuses.startswith("2"):
        return (0, statuses)
    return (1, "") if statuses == "default" else (2, statuses)


def _acceptable(answers: Sequence[Answer], accept: str) -> list[Answer]:
    """Return the answers of the media type that is accepted most gladly; without a body everything is acceptable."""
    if any(each.media_type is None for each in answers):
        return list(answers)
    ranges = _read_accept(accept)
    best = max(answers, key=lambda each: _quality(each.media_type or "", ranges), default=None)
    if best is None or _quality(best.media_type or "", ranges) <= 0:
        return []
    return [each for each in answers if each.media_type == best.media_type]


def _read_accept(accept: str) -> dict[str, float]:
    ranges: dict[str, float] = {}
    for part in accept[:1000].split(","):
        name, *parameters = (each.strip().lower() for each in part.split(";"))
        if not name:
            continue
        quality = 1.0
        for parameter in parameters:
            if re.fullmatch(r"q=(?:0(?:\.\d{0,3})?|1(?:\.0{0,3})?)", parameter):
                quality = float(parameter[2:])
        ranges[name] = quality
    return ranges or {"*/*": 1.0}


def _quality(media_type: str, ranges: Mapping[str, float]) -> float:
    name = media_type.split(";", maxsplit=1)[0].strip().lower()
    for each in (name, name.split("/")[0] + "/*", "*/*"):
        if each in ranges:
            return ranges[each]
    return 0.0
