"""The door to files: their uploader's while they hang on nothing, then that of whoever may see the thing they hang on."""

from collections.abc import Awaitable, Callable, Mapping, Sequence

from chassis.errors import NotFound
from chassis.ids import prefix_of
from chassis.mongo import Reader
from services.identity.files import repository
from services.identity.files.domain import File, FileState

# Given ids of things of one kind, returns those whose files the one who asks may see.
Viewers = Callable[[Reader, Sequence[str]], Awaitable[set[str]]]


async def visible(reader: Reader, ids: Sequence[str], viewers: Mapping[str, Viewers]) -> dict[str, File]:
    """Return by id those of the files that the one who asks may see. ``viewers`` tells by the prefix of a thing's id who may."""
    if reader.principal.id is None:
        return {}
    found = {key: each for key, each in (await repository.find_all(reader, ids)).items() if each.state is FileState.KEPT}
    things: dict[str, list[str]] = {}
    for file in found.values():
        if file.attached_to is not None:
            things.setdefault(prefix_of(file.attached_to), []).append(file.attached_to)
    seen: set[str] = set()
    for prefix, thing_ids in things.items():
        if prefix in viewers:
            seen |= await viewers[prefix](reader, thing_ids)
    return {key: each for key, each in found.items() if _is_visible(each, reader, seen)}


def _is_visible(file: File, reader: Reader, seen: set[str]) -> bool:
    if file.attached_to is not None:
        return file.attached_to in seen
    return file.uploaded_by == reader.principal.id and file.expires_at is not None and reader.now < file.expires_at


async def require_visible(reader: Reader, file_id: str, viewers: Mapping[str, Viewers]) -> File:
    """Return a file that the one who asks may see. Raises ``SignInFirst`` or ``NotFound``."""
    reader.principal.require_signed_in()
    file = (await visible(reader, [file_id], viewers)).get(file_id)
    if file is None:
        raise NotFound
    return file
