"""Whose usage may be seen by whom.

An organization's and an application's usage: by those who may view analytics in the organization. A product's: by those who may
in the provider's. Everybody's, and the whole platform's: by the operator's analysts and administrators.
For others it does not exist.
"""

from collections.abc import Iterable

from chassis.mongo import Reader
from services.analytics.known import repository as known
from services.analytics.reports.domain import Scope

PLATFORM = Scope("platform", "")
_COLLECTIONS = {"application_id": "applications", "product_id": "products", "organization_id": "organizations"}


async def visible_scopes(reader: Reader, scopes: Iterable[Scope]) -> set[Scope]:
    """Return those of the scopes whose usage the principal may see."""
    asked = set(scopes)
    principal = reader.principal
    sees_all = principal.has_platform_role("ANALYST", "OPERATOR_ADMINISTRATOR")
    seen = {PLATFORM} & asked if sees_all else set()
    for by, collection in _COLLECTIONS.items():
        of_kind = {each.id for each in asked if each.by == by}
        if by == "organization_id" and not sees_all:
            seen |= {Scope(by, each) for each in of_kind if principal.may("VIEW_ANALYTICS", each)}
            continue
        for key, copy in (await known.find(reader, collection, of_kind)).items():
            if sees_all or principal.may("VIEW_ANALYTICS", copy["organization_id"]):
                seen.add(Scope(by, key))
    return seen
