"""What is true of mails that come in: what they say, whether a person wrote them, and what is not taken."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from chassis.errors import Invalid, NotFound, TooMany

LARGEST_MAIL_BYTES = 20 * 1024 * 1024
MOST_PARTS = 200
MOST_UNASSIGNED_AN_HOUR = 100
_BULK = frozenset({"bulk", "junk", "list", "auto_reply"})
_METHOD = re.compile(r"(?:^|;)\s*dmarc\s*=\s*([a-z]+)", re.IGNORECASE)


class MailNotReadable(Invalid):
    """The mail cannot be read."""


class NoSuchMailbox(NotFound):
    """There is nobody here by that name."""


class AutomaticMailNotTaken(Invalid):
    """Mail that nobody wrote is not taken at this address."""


class TooManyUnassignedMails(TooMany):
    """Too many mails of people who are not known have come lately; try again later."""


@dataclass(frozen=True, slots=True)
class Part:
    """A file that came with a mail."""

    name: str
    content: bytes


@dataclass(frozen=True, slots=True)
class Mail:
    """A mail as it was read. ``sender`` is the address in From; ``text`` is what was written anew, without what it quotes.

    ``authentication`` are its Authentication-Results, the newest first.
    """

    mail_id: str
    sender: str
    subject: str
    text: str
    parts: tuple[Part, ...]
    is_automatic: bool
    authentication: tuple[str, ...] = ()

    def is_authentic(self, authority: str) -> bool:
        """Say whether the server whose word is taken says that the sender's domain stands behind the mail (DMARC).

        Only the newest header of that name is read: what stands under it may have come with the mail.
        """
        for header in self.authentication[:1]:
            name, _, results = header.partition(";")
            if name.split() and name.split()[0].lower() == authority.lower():
                found = _METHOD.search(results)
                return found is not None and found.group(1).lower() == "pass"
        return False


@dataclass(frozen=True, slots=True)
class Target:
    """To what a mail is addressed: to the support address itself, or to a reply address with its token."""

    token: str | None = None


def target_of(address: str, support_address: str) -> Target | None:
    """Return what an address stands for, or None for one that is not ours."""
    local, mark, domain = address.strip().lower().rpartition("@")
    own_local, _, own_domain = support_address.lower().rpartition("@")
    if not mark or domain != own_domain:
        return None
    name, plus, token = local.partition("+")
    if name != own_local or (plus and not token):
        return None
    return Target(token or None)


def is_automatic(
    *, auto_submitted: str, precedence: str, list_id: str | None, content_type: str, envelope_sender: str | None
) -> bool:
    """Say whether nobody wrote a mail: an absence note, a list, a report of a mail server (RFC 3834)."""
    return bool(
        auto_submitted.partition(";")[0].strip().lower() not in ("", "no")
        or precedence.strip().lower() in _BULK
        or list_id is not None
        or content_type == "multipart/report"
        or not (envelope_sender or "").strip("<> ")
    )


def left_out(names: Sequence[str]) -> str:
    """Return what tells the staff which files of a mail were not kept."""
    return "Of the files in this mail these were not taken: " + "; ".join(names)
