"""What is true of fetching: which refusals there are, and what is kept of where a document came from.

A refusal says which of a few things went wrong and nothing of what was answered. A name that leads into a network that is not
public looks like a name that does not exist, so that nobody can learn the names of such a network by trying.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar

from chassis.errors import FieldProblem, Invalid


class DocumentUrlRefused(Invalid):
    """The document cannot be had from this address."""

    mend: ClassVar[str] = "give another address, or the document itself"

    def __init__(self) -> None:
        super().__init__(fields=[FieldProblem("url", self.mend)])


class DocumentUrlNotAllowed(DocumentUrlRefused):
    """Documents are not fetched from such an address."""

    mend = "give a public https address with a usual port and without user name and password, or the document itself"


class DocumentUrlNotReachable(DocumentUrlRefused):
    """No host that is public answers at this address in time."""

    mend = "check that everybody can reach the address over the internet, or give the document itself"


class DocumentUrlGivesNoDocument(DocumentUrlRefused):
    """What answers at this address does not give a text in UTF-8."""

    mend = "check that the address answers with status 200 and the document itself, without asking who is there"


class DocumentUrlRedirectsTooOften(DocumentUrlRefused):
    """The address leads from one to the next too many times."""

    mend = "give the last address of the way, or the document itself"


@dataclass(frozen=True, slots=True)
class Fetched:
    """A document's text, with what its server said about it."""

    text: str
    etag: str | None


@dataclass(frozen=True, slots=True)
class Source:
    """Where a version's document came from: the hash of its UTF-8, and the address unless it was handed in."""

    sha256: str
    url: str | None = None
    etag: str | None = None
    fetched_at: datetime | None = None
