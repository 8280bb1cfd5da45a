"""What is true of data exchanges and their numbers."""

import re
import string
from dataclasses import dataclass
from datetime import datetime

from chassis.errors import Conflict
from services.identity.events import DataExchangeAssigned

DATA_EXCHANGE_PREFIX = "dxc"
NUMBER_LENGTH = 40
_FIELDS = frozenset({"year", "counter"})
_WIDTH = re.compile(r"(0[1-9]\d?d?)?")
_NUMBER = re.compile(r"[A-Za-z0-9][A-Za-z0-9./_-]*")


class AlreadyOnboarded(Conflict):
    """The organization has a data exchange already; it has one and keeps it."""


class PatternNotUsableError(ValueError):
    """The pattern of data-exchange numbers cannot give every organization a number of its own."""


@dataclass(frozen=True, slots=True)
class NumberPattern:
    """How numbers are written: text with ``{counter}``, which only grows, and perhaps ``{year}``; both may have a width.

    Raises ``PatternNotUsableError``, so that a platform with a wrong pattern does not start.
    """

    text: str

    def __post_init__(self) -> None:
        """Refuse a pattern that gives two organizations one number, or one that cannot be written down."""
        try:
            parts = [
                (name, spec, conversion) for _, name, spec, conversion in string.Formatter().parse(self.text) if name is not None
            ]
        except ValueError as error:
            raise PatternNotUsableError(f"{self.text}: {error}") from error
        if "counter" not in [name for name, *_ in parts]:
            raise PatternNotUsableError(f"{self.text}: put {{counter}} into it, or all organizations get one number")
        for name, spec, conversion in parts:
            if name not in _FIELDS or conversion or not _WIDTH.fullmatch(spec or ""):
                raise PatternNotUsableError(
                    f"{self.text}: only {{year}} and {{counter}} can be filled in, such as {{counter:06d}}"
                )
        longest = self.write(9999, 10**9)
        if len(longest) > NUMBER_LENGTH or not _NUMBER.fullmatch(longest):
            raise PatternNotUsableError(f"{self.text}: use letters, digits and . / _ - only, {NUMBER_LENGTH} characters at most")

    def write(self, year: int, counter: int) -> str:
        """Return a number."""
        return self.text.format(year=year, counter=counter)


@dataclass(frozen=True, slots=True)
class DataExchange:
    """An organization's place among the recipients of data: its number for ever, and how it came by it."""

    id: str
    organization_id: str
    number: str
    request_id: str
    assigned_at: datetime

    def assigned(self) -> DataExchangeAssigned:
        """Return the fact that the organization has its number."""
        return DataExchangeAssigned(organization_id=self.organization_id, number=self.number)
