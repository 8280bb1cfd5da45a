"""Which credentials an application can prove itself with, as far as they have been heard of: secrets, keys and certificates.

A decision never asks here: whoever shows a token of ours has had a credential. Here is asked what somebody could show.
"""

from services.enforcement.state.copies import Fields

_NANOSECONDS = 1_000_000_000


class Issued:
    """Credentials by whom they were issued to: an application, or an organization for all its applications."""

    def __init__(self) -> None:
        self._by_holder: dict[str, tuple[str, ...]] = {}
        self._ends: dict[str, float] = {}

    def note(self, identifier: str, fields: Fields) -> None:
        """Take note of a credential. Copies that are older than this do not tell whose it is: nobody's is known."""
        holder = fields.get("application_id") or fields.get("organization_id")
        if holder is None:
            return
        known = self._by_holder.get(holder, ())
        if identifier not in known:
            self._by_holder[holder] = (*known, identifier)
        if fields.get("not_after") is not None:
            self._ends[identifier] = fields["not_after"]

    def to(self, *holders: str) -> tuple[str, ...]:
        """Return all credentials that were ever issued to these, those that count no more too."""
        return tuple(each for holder in holders for each in self._by_holder.get(holder, ()))

    def has_ended(self, identifier: str, wall_ns: int) -> bool:
        """Say whether a certificate's own time is over."""
        return self._ends.get(identifier, float("inf")) * _NANOSECONDS <= wall_ns
