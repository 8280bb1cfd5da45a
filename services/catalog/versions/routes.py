"""How to ask about versions, their documents and operations over HTTP."""

import asyncio
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field
from starlette.routing import BaseRoute

from chassis.errors import FieldProblem, Invalid
from chassis.outward import LONGEST
from chassis.web import Asked, Edge, Json, Routes, read_input
from services.catalog.documents.domain import DocumentNotReadable
from services.catalog.fetching.domain import Source
from services.catalog.fetching.fetcher import Fetcher
from services.catalog.products import access
from services.catalog.products.domain import LABEL
from services.catalog.products.inputs import Id, Slug, Title
from services.catalog.products.rows import Rows
from services.catalog.versions import access as documents
from services.catalog.versions import actions
from services.catalog.versions.comparing import Comparer
from services.catalog.versions.domain import Kept
from services.catalog.versions.reading import DocumentReader, Reading


def _label(text: str) -> str:
    if not LABEL.fullmatch(text):
        raise ValueError("use letters, digits, dots, underscores and hyphens, at most 40, as in v1 or 4.0.0")
    return text


class ImportApi(BaseModel):
    """The input of ``import_api``: a document, or where to fetch it; ``slug`` and ``title`` are the API's."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    product_id: Id
    document: str | None = None
    url: Annotated[str, Field(max_length=LONGEST)] | None = None
    label: Annotated[str, AfterValidator(_label)] | None = None
    slug: Slug | None = None
    title: Title | None = None


class DocumentOrUrl(Invalid):
    """Give either the document or the address to fetch it from."""

    def __init__(self) -> None:
        mend = "give either document or url, and not both"
        super().__init__(fields=[FieldProblem("document", mend), FieldProblem("url", mend)])


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


@dataclass(frozen=True, slots=True)
class Tools:
    """What reads documents, fetches them and compares them."""

    reader: DocumentReader
    fetcher: Fetcher
    comparer: Comparer


class VersionRoutes:
    """The handlers of this noun."""

    def __init__(self, rows: Rows, tools: Tools) -> None:
        self._rows = rows
        self._reader = tools.reader
        self._fetcher = tools.fetcher
        self._comparer = tools.comparer

    async def import_api(self, asked: Asked) -> Json:
        """Answer ``/do/import_api``: ask who may first, then fetch and read the document, and only then open the transaction."""
        wanted = asked.read(ImportApi)
        await access.product_to_manage(asked.reader(), wanted.product_id)
        reading, source = await self._read(wanted, asked.reader().now)
        naming = actions.Naming(wanted.label, wanted.slug, wanted.title)
        product, version = await asked.transact(
            lambda tx: actions.import_api(tx, wanted.product_id, reading, naming, source=source)
        )
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

    async def _read(self, wanted: ImportApi, now: datetime) -> tuple[Reading, Source]:
        if (wanted.document is None) == (wanted.url is None):
            raise DocumentOrUrl
        if wanted.document is not None:
            reading = await self._reader.read(wanted.document)
            return reading, Source(_sha256(wanted.document))
        assert wanted.url is not None
        fetched = await self._fetcher.fetch(wanted.url)
        try:
            reading = await self._reader.read(fetched.text)
        except DocumentNotReadable as error:
            # What is no document at all may be anything that some host answers: nothing of it is told.
            raise DocumentNotReadable from error
        return reading, Source(_sha256(fetched.text), wanted.url, fetched.etag, now)

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
        # Side by side, so that all together wait no longer than one.
        found = await asyncio.gather(*(self._comparison(asked, pair) for pair in allowed))
        made = dict(zip(allowed, found, strict=True))
        return [made.get(pair) for pair in pairs]

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
        """Answer ``/load/documents_by_version``: each OpenAPI text, as it was imported or converted."""
        return await _texts(asked.ids, await documents.visible_documents(asked.reader(), asked.ids))

    async def originals_by_version(self, asked: Asked) -> list[Json]:
        """Answer ``/load/originals_by_version``: the text that was imported, where it had to be converted."""
        return await _texts(asked.ids, await documents.visible_originals(asked.reader(), asked.ids))

    async def sources_by_version(self, asked: Asked) -> list[Json]:
        """Answer ``/load/sources_by_version``: where each document came from, for the provider's members."""
        found = await documents.visible_sources(asked.reader(), asked.ids)
        return [asdict(found[each]) if each in found else None for each in asked.ids]


def _sha256(text: str) -> str:
    # A text that is no Unicode is refused by the reading program before its hash is kept.
    return hashlib.sha256(text.encode(errors="replace")).hexdigest()


async def _texts(version_ids: Sequence[str], found: Mapping[str, Kept]) -> list[Json]:
    texts = await asyncio.to_thread(lambda: {key: documents.text_of(each.packed_text) for key, each in found.items()})
    return [{"text": texts[each], "media_type": found[each].media_type} if each in found else None for each in version_ids]


def routes(edge: Edge, rows: Rows, tools: Tools) -> list[BaseRoute]:
    """Return the routes of this noun."""
    r, handlers = Routes(edge), VersionRoutes(rows, tools)
    r.do("import_api", handlers.import_api)
    r.do("publish_version", handlers.publish_version)
    r.do("delete_version", handlers.delete_version)
    r.load("comparisons", handlers.comparisons)
    r.load("operations_by_version", handlers.operations_by_version)
    r.load("documents_by_version", handlers.documents_by_version)
    r.load("originals_by_version", handlers.originals_by_version)
    r.load("sources_by_version", handlers.sources_by_version)
    return r.collected
