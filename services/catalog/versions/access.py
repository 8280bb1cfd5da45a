"""Who may read of a version: everybody who may see it its document and operations, the provider's members where it came from."""

from collections.abc import Sequence
from typing import Any

from chassis.mongo import Reader
from services.catalog.fetching.domain import Source
from services.catalog.products.access import sees_drafts, visible_versions
from services.catalog.versions import repository
from services.catalog.versions.domain import Kept

text_of = repository.unpacked


async def visible_operations(reader: Reader, version_ids: Sequence[str]) -> dict[str, list[dict[str, Any]]]:
    """Return the operations of those versions that exist for the one who asks."""
    return await repository.operations(reader, list(await visible_versions(reader, version_ids)))


async def visible_documents(reader: Reader, version_ids: Sequence[str]) -> dict[str, Kept]:
    """Return the documents of those versions that exist for the one who asks."""
    return await repository.documents(reader, list(await visible_versions(reader, version_ids)))


async def comparable(reader: Reader, pairs: Sequence[tuple[str, str]]) -> set[tuple[str, str]]:
    """Return those of the pairs that may be compared: both versions exist for the one who asks, and belong to each other.

    They do where they are of one API, or the second is where callers of the first are sent.
    """
    found = await visible_versions(reader, list({each for pair in pairs for each in pair}))
    allowed = set()
    for former_id, later_id in pairs:
        former, later = found.get(former_id), found.get(later_id)
        if former is None or later is None or former_id == later_id:
            continue
        ending = former[2].ending
        if former[1].id == later[1].id or (ending is not None and ending.migrate_to == later_id):
            allowed.add((former_id, later_id))
    return allowed


async def visible_originals(reader: Reader, version_ids: Sequence[str]) -> dict[str, Kept]:
    """Return what the documents of those versions were converted from that exist for the one who asks."""
    return await repository.originals(reader, list(await visible_versions(reader, version_ids)))


async def visible_sources(reader: Reader, version_ids: Sequence[str]) -> dict[str, Source]:
    """Return where the documents came from of those versions whose provider the one who asks belongs to."""
    visible = await visible_versions(reader, version_ids)
    own = [version_id for version_id, (product, *_) in visible.items() if sees_drafts(reader.principal, product)]
    return await repository.sources(reader, own)
