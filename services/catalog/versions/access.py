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


async def visible_originals(reader: Reader, version_ids: Sequence[str]) -> dict[str, Kept]:
    """Return what the documents of those versions were converted from that exist for the one who asks."""
    return await repository.originals(reader, list(await visible_versions(reader, version_ids)))


async def visible_sources(reader: Reader, version_ids: Sequence[str]) -> dict[str, Source]:
    """Return where the documents came from of those versions whose provider the one who asks belongs to."""
    visible = await visible_versions(reader, version_ids)
    own = [version_id for version_id, (product, *_) in visible.items() if sees_drafts(reader.principal, product)]
    return await repository.sources(reader, own)
