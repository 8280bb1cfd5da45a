"""The door to preferences: each person's own."""

from collections.abc import Sequence

from chassis.mongo import Reader
from services.notifications.preferences import repository
from services.notifications.preferences.domain import Preferences


async def own(reader: Reader) -> Preferences:
    """Return what the one who asks has chosen. Raises ``SignInFirst``."""
    user_id = reader.principal.require_signed_in()
    return (await repository.find(reader, [user_id])).get(user_id, Preferences(user_id))


async def of(reader: Reader, user_ids: Sequence[str]) -> dict[str, Preferences]:
    """Return what people have chosen, by id (for writing to them)."""
    found = await repository.find(reader, user_ids)
    return {each: found.get(each, Preferences(each)) for each in user_ids}
