"""What is true of trials: what may be given, what is found, and why nothing can be built."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from chassis.errors import FieldProblem, Invalid

MOST_FINDINGS = 20
REFUSED = "The platform answered, and not the API: there is nothing to hold against the document."
LONGEST_BODY = 256 * 1024
MOST_PARAMETERS = 200
MOST_HEADERS = 50
LONGEST_VALUE = 8_000
LONGEST_HEADER = 4_000
_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^`|~-]{1,100}")
_VALUE = re.compile(r"[\x21-\x7e](?:[\t\x20-\x7e]*[\x21-\x7e])?|")
# What says where a call goes, how it is carried, who makes it: the data plane's business, and never the trial's.
_NOT_GIVEN = frozenset(
    {
        *(
            "accept-encoding",
            "authorization",
            "connection",
            "content-encoding",
            "content-length",
            "cookie",
            "expect",
            "forwarded",
        ),
        *("host", "http2-settings", "keep-alive", "origin", "proxy-authorization", "proxy-connection", "te", "trailer"),
        *("transfer-encoding", "upgrade", "via", "x-real-ip", "x-request-id"),
    }
)
_NOT_BEGUN_WITH = ("portico-", "x-portico-", "x-envoy-", "x-forwarded-", "x-original-", ":")


class TrialNotUsable(Invalid):
    """The request cannot be built from what was given."""

    def __init__(self, fields: Sequence[FieldProblem]) -> None:
        told = "; ".join(f"{each.field}: {each.message}" for each in fields[:5])
        super().__init__(f"{self.default_message()} {told}", fields=fields)


class Outcome(StrEnum):
    """Whether something keeps to the document."""

    CONFORMS = "CONFORMS"
    DEVIATES = "DEVIATES"
    NOT_JUDGED = "NOT_JUDGED"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that does not keep to the document, and where: ``parameters.id``, ``headers.etag``, ``body#/items/0``."""

    place: str
    message: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether a request or a response keeps to the document; ``note`` says what of it could not be judged, and why."""

    findings: tuple[Finding, ...] = ()
    note: str | None = None

    @property
    def outcome(self) -> Outcome:
        """Return the verdict in one word."""
        if self.findings:
            return Outcome.DEVIATES
        return Outcome.CONFORMS if self.note is None else Outcome.NOT_JUDGED

    def to_row(self) -> dict[str, Any]:
        """Return the verdict as plain data, with as many findings as anybody reads."""
        shown = [{"place": each.place, "message": each.message} for each in self.findings[:MOST_FINDINGS]]
        return {"outcome": self.outcome.value, "findings": shown, "findings_total": len(self.findings), "note": self.note}


@dataclass(frozen=True, slots=True)
class Given:
    """A parameter as it was given: the text of its value, and where it belongs (None: wherever the document has that name)."""

    name: str
    value: str
    place: str | None = None


@dataclass(frozen=True, slots=True)
class Wanted:
    """What somebody wants to send."""

    parameters: tuple[Given, ...] = ()
    headers: tuple[tuple[str, str], ...] = ()
    body: str | None = None


@dataclass(frozen=True, slots=True)
class Built:
    """The request: ``target`` is its path below the version's base path, percent-encoded, with its query."""

    method: str
    target: str
    headers: tuple[tuple[str, str], ...]
    body: str | None
    verdict: Verdict


def header_trouble(name: str, value: str) -> tuple[str, str] | None:
    """Say what is wrong with a header: in its ``name`` or its ``value``, and the mend; None where it can be sent."""
    if not _NAME.fullmatch(name):
        return "name", "give a header's name of letters, digits and hyphens, at most 100"
    if name.lower() in _NOT_GIVEN or name.lower().startswith(_NOT_BEGUN_WITH):
        return "name", "leave it out: it is not the caller's to say in a trial"
    if len(value) > LONGEST_HEADER or not _VALUE.fullmatch(value):
        return "value", f"give printable ASCII on one line, at most {LONGEST_HEADER} characters"
    return None
