"""The door to the audit trail: for those in an organization who may view it, and for the operator's auditors and administrators.

To everybody else there is none; who looks, and who would like to look, is recorded like everything else.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from chassis.errors import NotFound
from chassis.messages import to_timestamp
from chassis.mongo import Reader
from chassis.paging import Page
from chassis.principal import Principal, RoleNotAllowed, SignInFirst
from services.audit.acts import repository
from services.audit.acts.domain import PLATFORM, Entry

VIEW_AUDIT = "VIEW_AUDIT"
STAFF = ("OPERATOR_ADMINISTRATOR", "AUDITOR")
_FIELDS = {
    "actor": "content.actor",
    "verb": "content.verb",
    "kind": "content.changes.kind",
    "thing_id": "content.changes.id",
    "outcome": "content.outcome",
}


def refusal_for_staff(principal: Principal) -> SignInFirst | NotFound | None:
    """Return why the one who asks may not read every chain, or None where they may."""
    if principal.is_anonymous:
        return SignInFirst()
    return None if principal.has_platform_role(*STAFF) else NotFound()


def refusal_for(principal: Principal, chain: str) -> SignInFirst | NotFound | RoleNotAllowed | None:
    """Return why the one who asks may not read a chain, or None where they may."""
    refusal = refusal_for_staff(principal)
    if refusal is None or principal.is_anonymous:
        return refusal
    if chain == PLATFORM or not principal.is_member(chain):
        return NotFound()
    return None if principal.may(VIEW_AUDIT, chain) else RoleNotAllowed()


async def page_of(reader: Reader, chain: str, wanted: Mapping[str, Any], page: Page) -> tuple[list[Entry], int | None]:
    """Return a page of a chain, the newest first, and how many entries it has where nothing particular is wanted.

    For those who have asked ``refusal_for``.
    """
    query: dict[str, Any] = {_FIELDS[name]: value for name, value in wanted.items() if name in _FIELDS}
    # Moments are kept as they were hashed: as text, of one form, that sorts as the moments do.
    span = {"$gte": _moment(wanted.get("since")), "$lt": _moment(wanted.get("until"))}
    span = {operator: moment for operator, moment in span.items() if moment is not None}
    if span:
        query["content.at"] = span
    entries = await repository.page_of(reader, chain, query, page)
    if query:
        return entries, None
    head = await repository.head_of(reader, chain)
    return entries, 0 if head is None else head.number


def _moment(moment: datetime | None) -> str | None:
    return None if moment is None else to_timestamp(moment)
