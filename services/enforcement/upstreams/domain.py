"""What can be wrong with an upstream, and what is known of one. Pure."""

from datetime import datetime
from enum import StrEnum
from typing import NamedTuple


class Problem(StrEnum):
    """Why calls do not get through to an upstream."""

    NAME_NOT_RESOLVED = "NAME_NOT_RESOLVED"
    ADDRESS_NOT_ALLOWED = "ADDRESS_NOT_ALLOWED"
    NOT_ANSWERING = "NOT_ANSWERING"
    CERTIFICATE_NOT_ACCEPTED = "CERTIFICATE_NOT_ACCEPTED"


class Tried(NamedTuple):
    """What became of connecting to an upstream; ``silent_since`` is the first of the attempts in a row that failed."""

    at: datetime
    problem: Problem | None = None
    silent_since: datetime | None = None

    def followed_by(self, later: "Tried") -> "Tried":
        """Return a later attempt, silent for as long as this one was where it failed too."""
        if later.problem is None or self.silent_since is None:
            return later
        return later._replace(silent_since=self.silent_since)


class State(NamedTuple):
    """How an upstream is found by the instance that is asked."""

    resolved_at: datetime | None
    addresses: int
    problem: Problem | None
    tried: Tried | None = None

    def row(self) -> dict[str, object]:
        """Return it as it is told."""
        return {
            "resolved_at": self.resolved_at,
            "addresses": self.addresses,
            "is_allowed": self.problem is not Problem.ADDRESS_NOT_ALLOWED,
            "problem": self.problem,
            "tried_at": self.tried.at if self.tried else None,
            "silent_since": self.tried.silent_since if self.tried else None,
        }
