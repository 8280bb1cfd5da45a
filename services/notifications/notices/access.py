"""The door to notices: each person's own."""

from collections.abc import Sequence

from chassis.mongo import Reader
from chassis.paging import Page
from services.notifications.notices import repository
from services.notifications.notices.domain import NoSuchNotice, Notice


async def own_page(reader: Reader, page: Page, *, is_unread_only: bool) -> list[Notice] | None:
    """Return a page of the notices of the one who asks (and one more where there is one), or None for nobody."""
    user_id = reader.principal.id
    return None if user_id is None else await repository.find_page(reader, user_id, page, is_unread_only=is_unread_only)


async def own(reader: Reader, notice_ids: Sequence[str]) -> dict[str, Notice]:
    """Return those of the notices that are for the one who asks, by id."""
    user_id = reader.principal.id
    return {} if user_id is None else await repository.find(reader, user_id, notice_ids)


async def require_own(reader: Reader, notice_ids: Sequence[str]) -> list[Notice]:
    """Return notices of the one who asks, in this order. Raises ``SignInFirst`` or ``NoSuchNotice``."""
    found = await repository.find(reader, reader.principal.require_signed_in(), notice_ids)
    if any(each not in found for each in notice_ids):
        raise NoSuchNotice
    return [found[each] for each in dict.fromkeys(notice_ids)]


async def own_unread(reader: Reader) -> int | None:
    """Return how many notices the one who asks has not read, or None for nobody."""
    user_id = reader.principal.id
    return None if user_id is None else await repository.count_unread(reader, user_id)
