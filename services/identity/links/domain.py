"""What is true of mailed links."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from chassis.errors import FieldProblem, NotFound


class LinkNotValid(NotFound):
    """The link is not valid, or not any more; ask for a new one."""

    def __init__(self) -> None:
        super().__init__(fields=[FieldProblem("token", "give the token of the newest mail; it is good once, and not for long")])


class Purpose(StrEnum):
    """What a link is for. A link opens nothing else."""

    RESET_PASSWORD = "RESET_PASSWORD"  # noqa: S105 - the name of a purpose
    SET_PASSWORD = "SET_PASSWORD"  # noqa: S105 - the name of a purpose
    CHANGE_ADDRESS = "CHANGE_ADDRESS"


PREFIXES = {Purpose.RESET_PASSWORD: "ptr", Purpose.SET_PASSWORD: "ptw", Purpose.CHANGE_ADDRESS: "pta"}


@dataclass(frozen=True, slots=True)
class Link:
    """Something that may be done once, by whoever has the token; of the token only the fingerprint is kept.

    ``user_id`` is None for a link whose token was told to nobody: it stands where a link would stand if the address were known.
    ``email`` and ``email_key`` are the address that the link confirms, where it confirms one.
    """

    id: str
    purpose: Purpose
    user_id: str | None
    token_hash: str
    created_at: datetime
    expires_at: datetime
    email: str | None = None
    email_key: str | None = None

    def require(self, purpose: Purpose, now: datetime) -> str:
        """Return whose link it is, if it is for this purpose and has not lapsed. Raises ``LinkNotValid``."""
        if self.user_id is None or self.purpose != purpose or now >= self.expires_at:
            raise LinkNotValid
        return self.user_id
