"""How to ask about versions, their documents and operations over HTTP."""

import asyncio
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field
from starlette.routing import BaseRoute

from chassis.web import Asked, Edge, Json, Routes, read_input
from services.catalog.products import access
from services.catalog.products.domain import LABEL
from services.catalog.products.inputs import Id, Slug, Title
from services.catalog.products.rows import Rows
from services.catalog.versions import access as documents
from services.catalog.versions import actions
from services.catalog.versions.comparing import Comparer
from services.catalog.versions.reading import DocumentReader


def _label(text: str) -> str:
    if not LABEL.fullmatch(text):
        raise ValueError("use letters, digits, dots, underscores and hyphens, at most 40, as in v1 or 4.0.0")
    return text


class ImportApi(BaseModel):
    """The input of ``import_api``: ``slug`` and ``title`` are the API's."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    product_id: Id
    document: str
    label: Annotated[str, AfterValidator(_label)] | None = None
    slug: Slug | None = None
    title: Title | None = None


class PublishVersion(BaseModel):
    """The input of ``publish_version``."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    version_id: Annotated[str, Field(max_length=64)]


class DeleteVersion(PublishVersion):
    """The input of ``delete_version``."""


class Pair(BaseModel):
    """The key of ``comparisons``."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    former: Id
    later: Id


class VersionRoutes:
    """The handlers of this noun."""

    def __init__(self, rows: Rows, reader: DocumentReader, comparer: Comparer) -> None:
        self._rows = rows
        self._reader = reader
        self._comparer = comparer

    async def import_api(self, asked: Asked) -> Json:
        """Answer ``/do/import_api``: ask who may first, then read the document, and only then open the transaction."""
        wanted = asked.read(ImportApi)
        await access.product_to_manage(asked.reader(), wanted.product_id)
        reading = await self._reader.read(wanted.document)
        naming = actions.Naming(wanted.label, wanted.slug, wanted.title)
        product, version = await asked.transact(lambda tx: actions.import_api(tx, wanted.product_id, reading, naming))
        found = product.version(version.id)
        assert found is not None
        row = await self._rows.product(asked.reader(), product)
        return {
            "product": row,
            "api": next(each for each in row["apis"] if each["id"] == found[0].id),
            "version": self._rows.version(product, *found),
            "operations": len(reading.operations),
            "warnings": list(reading.warnings),
        }

    async def publish_version(self, asked: Asked) -> Json:
        """Answer ``/do/publish_version``: with a warning where it breaks callers of the version before it and does not say so."""
        wanted = asked.read(PublishVersion)
        present, draft = await access.version_to_manage(asked.reader(), wanted.version_id)
        draft.require_draft()
        warnings = await self._comparer.warnings_before(asked.reader(), present, draft)
        product = await asked.transact(lambda tx: actions.publish_version(tx, wanted.version_id))
        found = product.version(wanted.version_id)
        assert found is not None
        return {**self._rows.version(product, *found), "warnings": warnings}

    async def delete_version(self, asked: Asked) -> Json:
        """Answer ``/do/delete_version``."""
        wanted = asked.read(DeleteVersion)
        product = await asked.transact(lambda tx: actions.delete_version(tx, wanted.version_id))
        return {"version_id": wanted.version_id, "product": await self._rows.product(asked.reader(), product)}

    async def comparisons(self, asked: Asked) -> list[Json]:
        """Answer ``/load/comparisons``: what is different between the two versions of each key."""
        pairs = [(each.former, each.later) for each in (read_input(Pair, key) for key in asked.keys)]
        allowed = await documents.comparable(asked.reader(), pairs)
        return [await self._comparison(asked, pair) if pair in allowed else None for pair in pairs]

    async def _comparison(self, asked: Asked, pair: tuple[str, str]) -> Json:
        found = await self._comparer.compare(asked.reader(), *pair)
        if found is None:
            return None
        breaking = sum(each["breaking"] for each in found["differences"])
        return {
            "former_id": pair[0],
            "later_id": pair[1],
            "is_breaking": breaking > 0,
            "breaking_total": breaking,
            "differences_total": len(found["differences"]),
            "is_complete": found["is_complete"],
            "differences": found["differences"],
        }

    async def operations_by_version(self, asked: Asked) -> list[Json]:
        """Answer ``/load/operations_by_version``: a list for each version."""
        found = await documents.visible_operations(asked.reader(), asked.ids)
        return [found.get(each) for each in asked.ids]

    async def documents_by_version(self, asked: Asked) -> list[Json]:
        """Answer ``/load/documents_by_version``: each text as it was imported."""
        found = await documents.visible_documents(asked.reader(), asked.ids)
        texts = await asyncio.to_thread(lambda: {key: documents.text_of(packed) for key, (packed, _) in found.items()})
        return [{"text": texts[each], "media_type": found[each][1]} if each in found else None for each in asked.ids]


def routes(edge: Edge, rows: Rows, reader: DocumentReader, comparer: Comparer) -> list[BaseRoute]:
    """Return the routes of this noun."""
    r, handlers = Routes(edge), VersionRoutes(rows, reader, comparer)
    r.do("import_api", handlers.import_api)
    r.do("publish_version", handlers.publish_version)
    r.do("delete_version", handlers.delete_version)
    r.load("comparisons", handlers.comparisons)
    r.load("operations_by_version", handlers.operations_by_version)
    r.load("documents_by_version", handlers.documents_by_version)
    return r.collected
