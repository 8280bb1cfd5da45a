"""What can be done with versions: import one as a draft, publish it."""

import re
from dataclasses import dataclass

from chassis.errors import FieldProblem, Invalid
from chassis.ids import new_id
from chassis.mongo import Transaction
from services.catalog.entries import repository as entries
from services.catalog.events import PublishedOperation
from services.catalog.fetching.domain import Source
from services.catalog.products import access
from services.catalog.products import repository as products
from services.catalog.products.domain import LABEL, SLUG_MAX, Api, Product
from services.catalog.products.lives import Version, VersionStatus
from services.catalog.products.words import slug_of, text_of_operations
from services.catalog.providers import actions as providers
from services.catalog.sandbox import repository as sandbox
from services.catalog.upstreams.domain import subject_of, told
from services.catalog.versions import repository
from services.catalog.versions.domain import Kept
from services.catalog.versions.reading import Reading

_LONGEST_TITLE = 120


class NameNeeded(Invalid):
    """The document gives no name that can stand in a path; give one."""

    def __init__(self, field: str, mend: str) -> None:
        super().__init__(fields=[FieldProblem(field, mend)])


@dataclass(frozen=True, slots=True)
class Naming:
    """What the provider calls the API and the version; what is not given is taken from the document."""

    label: str | None = None
    slug: str | None = None
    title: str | None = None

    def label_for(self, reading: Reading) -> str:
        """Return the version's label. Raises ``NameNeeded``."""
        label = self.label or re.sub(r"[^A-Za-z0-9._-]+", "-", reading.version).strip("-._")[:40]
        if not LABEL.fullmatch(label):
            raise NameNeeded("label", "give one of letters, digits, dots and hyphens, as in v1")
        return label

    def api_for(self, reading: Reading) -> Api:
        """Return the API, as it would be new. Raises ``NameNeeded``."""
        title = self.title or " ".join(reading.title.split())[:_LONGEST_TITLE]
        slug = self.slug or slug_of(title, SLUG_MAX)
        if not slug:
            raise NameNeeded("slug", "give one of Latin letters, digits and hyphens, as in account-information")
        return Api(new_id("api"), slug, title or slug)


async def import_api(
    tx: Transaction, product_id: str, reading: Reading, naming: Naming, *, source: Source
) -> tuple[Product, Version]:
    """Add a document that was read as a draft version of an API, which joins the product where its slug is new.

    Raises ``NameNeeded``, ``VersionLabelTaken`` and as access does.
    """
    present = await access.product_to_manage(tx, product_id)
    label, api = naming.label_for(reading), naming.api_for(reading)
    version = Version(new_id("ver"), label, VersionStatus.DRAFT, reading.openapi_version, len(reading.operations))
    product = present.add_version(api, version)
    await products.replace(tx, product)
    document = Kept(reading.packed_text, reading.media_type)
    await repository.keep_document(tx, version.id, product.id, document, source=source)
    if reading.original is not None:
        await repository.keep_original(tx, version.id, product.id, Kept(*reading.original))
    await repository.keep_operations(tx, version.id, product.id, reading.operations)
    await sandbox.keep(tx, version.id, reading.answers)
    return product, version


async def publish_version(tx: Transaction, version_id: str) -> Product:
    """Publish a draft: from now on everybody sees it (and its product), and it can be called.

    Raises ``NotAProvider``, ``AlreadyPublished``, ``AlreadyRetired``, ``NothingToCall``, ``NoPlanYet`` and as access does.
    """
    present, draft = await access.version_to_manage(tx, version_id)
    await providers.hold_standing(tx, present.organization_id)
    rows = (await repository.operations(tx, [version_id])).get(version_id, [])
    operations = tuple(
        PublishedOperation(operation_id=row["operation_id"], method=row["method"], path=row["path"]) for row in rows
    )
    product, published = present.publish(version_id, operations, now=tx.now, actor=tx.principal.id)
    await products.replace(tx, product)
    await entries.keep_operations(tx, product.id, version_id, text_of_operations(rows))
    provider = product.organization_id
    found = product.version(version_id)
    if draft.upstream is not None and found is not None:
        # Before the version itself, so that no call of it goes elsewhere.
        await tx.emit(told(product, *found), subject=subject_of(version_id), organization=provider, audience=[provider])
    await tx.emit(published, subject=version_id, organization=provider, audience=[provider])
    return product


async def delete_version(tx: Transaction, version_id: str) -> Product:
    """Delete a draft and everything that was kept of its document. Raises ``OnlyDraftsAreDeleted`` and as access does."""
    present, _ = await access.version_to_manage(tx, version_id)
    product = present.without_draft(version_id)
    await products.replace(tx, product)
    await repository.forget(tx, version_id)
    await sandbox.forget(tx, version_id)
    return product
