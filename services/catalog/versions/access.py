"""Who may read a version's document and operations: everybody who may see the version."""

from collections.abc import Sequence
from typing import Any

from chassis.mongo import Reader
from services.catalog.products.access import visible_versions
from services.catalog.versions import repository

text_of = repository.unpacked


async def visible_operations(reader: Reader, version_ids: Sequence[str]) -> dict[str, list[dict[str, Any]]]:
    """Return the operations of those versions that exist for the one who asks."""
    return await repository.operations(reader, list(await visible_versions(reader, version_ids)))


async def visible_documents(reader: Reader, version_ids: Sequence[str]) -> dict[str, tuple[bytes, str]]:
    """Return the compressed text and media type of those versions that exist for the one who asks."""
    return await repository.documents(reader, list(await visible_versions(reader, version_ids)))
