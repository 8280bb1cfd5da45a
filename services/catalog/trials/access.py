"""Which operations can be tried: those of versions that exist for the one who asks and can be called."""

from typing import NamedTuple

from chassis.errors import FieldProblem, NotFound
from chassis.mongo import Reader
from services.catalog.products.access import visible_versions
from services.catalog.products.domain import Api, Product
from services.catalog.products.lives import Version
from services.catalog.trials.domain import TrialNotUsable
from services.catalog.versions import access as documents


class Tried(NamedTuple):
    """What is to be tried: the version, and its document as it is kept."""

    product: Product
    api: Api
    version: Version
    packed_text: bytes


async def operation_to_try(reader: Reader, version_id: str, operation_id: str) -> Tried:
    """Return what an operation is described by.

    Raises ``SignInFirst``, ``NotFound`` (also of drafts of others), ``NotPublishedYet``, ``AlreadyRetired``, or
    ``TrialNotUsable`` where the version has no such operation.
    """
    reader.principal.require_signed_in()
    found = (await visible_versions(reader, [version_id])).get(version_id)
    if found is None:
        raise NotFound
    found[2].require_callable()
    operations = (await documents.visible_operations(reader, [version_id])).get(version_id, [])
    kept = (await documents.visible_documents(reader, [version_id])).get(version_id)
    if kept is None:
        raise NotFound
    known = [each["operation_id"] for each in operations]
    if operation_id not in known:
        raise TrialNotUsable(
            [FieldProblem("operation_id", f"the version has no such operation; it has: {', '.join(known[:10])}")]
        )
    return Tried(*found, kept.packed_text)
