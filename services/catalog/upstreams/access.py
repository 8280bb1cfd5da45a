"""Who may know what answers a version's calls: its provider's members."""

from collections.abc import Sequence

from chassis.mongo import Reader
from services.catalog.products.access import sees_drafts, visible_versions
from services.catalog.products.upstreams import Upstream


async def visible_upstreams(reader: Reader, version_ids: Sequence[str]) -> dict[str, Upstream]:
    """Return the upstreams of those versions whose provider the one who asks belongs to."""
    visible = await visible_versions(reader, version_ids)
    return {
        version_id: version.upstream
        for version_id, (product, _, version) in visible.items()
        if version.upstream is not None and sees_drafts(reader.principal, product)
    }
