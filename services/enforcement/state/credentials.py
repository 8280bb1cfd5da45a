"""Which credentials an application can prove itself with, as far as they have been heard of: secrets, keys and certificates.

A decision never asks here: whoever shows a token of ours has had a credential. Here is asked what somebody could show.
"""

from services.enforcement.state.copies import Fields


class Issued:
    """Credentials by whom they were issued to: an application, or an organization for all its applications."""

    def __init__(self) -> None:
        self._by_holder: dict[str, tuple[str, ...]] = {}

    def note(self, identifier: str, fields: Fields) -> None:
        """Take note of a credential. Copies that are older than this do not tell whose it is: nobody's is known."""
        holder = fields.get("application_id") or fields.get("organization_id")
        known = self._by_holder.get(holder, ()) if holder is not None else ()
        if holder is not None and identifier not in known:
            self._by_holder[holder] = (*known, identifier)

    def to(self, *holders: str) -> tuple[str, ...]:
        """Return all credentials that were ever issued to these, those that count no more too."""
        return tuple(each for holder in holders for each in self._by_holder.get(holder, ()))
