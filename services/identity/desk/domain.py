"""What is true of what the operator finds: by which of its names, and how well it answers. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from services.identity.applications.domain import Application
from services.identity.certificates.domain import Certificate
from services.identity.data_exchanges.domain import DataExchange
from services.identity.organizations.domain import Organization
from services.identity.words import Sought, fold

Thing = Organization | Application | DataExchange | Certificate


class Kind(StrEnum):
    """What was found."""

    ORGANIZATION = "ORGANIZATION"
    APPLICATION = "APPLICATION"
    DATA_EXCHANGE = "DATA_EXCHANGE"
    CERTIFICATE = "CERTIFICATE"


class FoundBy(StrEnum):
    """By which of its names something was found."""

    ID = "ID"
    NAME = "NAME"
    CLIENT_ID = "CLIENT_ID"
    NUMBER = "NUMBER"
    SERIAL_NUMBER = "SERIAL_NUMBER"
    THUMBPRINT = "THUMBPRINT"
    SUBJECT = "SUBJECT"


_ORDER = list(Kind)
_LAST = 3


@dataclass(frozen=True, slots=True)
class Found:
    """Something that answers what was looked for; the less its rank, the better."""

    kind: Kind
    thing: Thing
    by: FoundBy
    rank: int

    @property
    def place(self) -> tuple[int, int, str, str]:
        """Return where it stands among the others: what answers best first, then by kind and name."""
        return (self.rank, _ORDER.index(self.kind), fold(_shown_name(self.thing)), self.thing.id)

    @property
    def organization_id(self) -> str:
        """Return the organization that it is, or belongs to."""
        return self.thing.id if isinstance(self.thing, Organization) else self.thing.organization_id


def answer(thing: Thing, sought: Sought) -> Found:
    """Return how something that was found answers."""
    kind, names = _names_of(thing)
    if thing.id == sought.text:
        return Found(kind, thing, FoundBy.ID, 0)
    ranks = [(rank, by) for by, texts in names.items() for text in texts if (rank := sought.rank(text)) is not None]
    if ranks:
        rank, by = min(ranks, key=lambda each: each[0])
        return Found(kind, thing, by, rank)
    # Each of the words is in one of its names, and all of them in none.
    first = next((by for by, texts in names.items() if any(_shares_word(sought, text) for text in texts)), next(iter(names)))
    return Found(kind, thing, first, _LAST)


def _shares_word(sought: Sought, text: str) -> bool:
    return any(Sought(word, word, (word,)).rank(text) is not None for word in sought.words)


def _names_of(thing: Thing) -> tuple[Kind, Mapping[FoundBy, Sequence[str]]]:
    if isinstance(thing, Organization):
        return Kind.ORGANIZATION, {FoundBy.NAME: (thing.name,)}
    if isinstance(thing, Application):
        return Kind.APPLICATION, {FoundBy.NAME: (thing.name,), FoundBy.CLIENT_ID: (thing.client_id,)}
    if isinstance(thing, DataExchange):
        return Kind.DATA_EXCHANGE, {FoundBy.NUMBER: (thing.number,)}
    return Kind.CERTIFICATE, {
        FoundBy.NAME: (thing.name,) if thing.name else (),
        FoundBy.SERIAL_NUMBER: thing.serial_numbers,
        FoundBy.THUMBPRINT: thing.thumbprints,
        FoundBy.SUBJECT: thing.subjects,
    }


def _shown_name(thing: Thing) -> str:
    if isinstance(thing, DataExchange):
        return thing.number
    return thing.name or "" if not isinstance(thing, Certificate) else thing.subject
