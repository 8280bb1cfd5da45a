"""The door to attachments: their uploader's while they hang on nothing, then that of whoever may see the request they hang on."""

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence

from chassis.errors import NotFound
from chassis.mongo import Reader
from services.notifications.attachments import repository
from services.notifications.attachments.domain import Attachment, State

# Given ids of requests, returns those that the one who asks may see: True where they may see the notes of the staff, too.
Viewers = Callable[[Reader, Sequence[str]], Awaitable[Mapping[str, bool]]]


async def find_all(reader: Reader, ids: Iterable[str]) -> dict[str, Attachment]:
    """Return attachments by id (for those who have checked the request)."""
    return await repository.find_all(reader, ids)


async def require_visible(reader: Reader, attachment_id: str, viewers: Viewers) -> Attachment:
    """Return a file that the one who asks may see. Raises ``SignInFirst`` or ``NotFound``."""
    user_id = reader.principal.require_signed_in()
    file = (await repository.find_all(reader, [attachment_id])).get(attachment_id)
    if file is None or file.state is not State.KEPT:
        raise NotFound
    if file.attached_to is None:
        if file.uploaded_by != user_id or file.expires_at is None or reader.now >= file.expires_at:
            raise NotFound
        return file
    seen = await viewers(reader, [file.attached_to])
    if file.attached_to not in seen or (file.is_internal and not seen[file.attached_to]):
        raise NotFound
    return file
