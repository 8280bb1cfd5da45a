"""How guidance is kept: one document for each page."""

from collections.abc import Sequence

from chassis.mongo import Document, Index, Reader, Transaction
from services.catalog.guidance.domain import GuidancePage, Step, texts_from
from services.catalog.texts.domain import Language

INDEXES = (Index("guidance", (("product_id", 1), ("step", 1)), unique=True),)


def _to_document(page: GuidancePage) -> Document:
    return {
        "_id": page.id,
        "step": page.step.value,
        "product_id": page.product_id,
        "organization_id": page.organization_id,
        "main_language": page.main_language.value,
        "texts": [{"language": each.language.value, "markdown": each.markdown} for each in page.texts],
        "changed_at": page.changed_at,
    }


def to_page(kept: Document) -> GuidancePage:
    """Return the page that a document keeps."""
    return GuidancePage(
        id=kept["_id"],
        step=Step(kept["step"]),
        texts=texts_from(kept["texts"]),
        changed_at=kept["changed_at"],
        product_id=kept["product_id"],
        organization_id=kept["organization_id"],
        main_language=Language(kept["main_language"]),
    )


async def page_of(reader: Reader, step: Step, product_id: str | None) -> GuidancePage | None:
    """Return the platform's page of a step, or a product's."""
    kept = await reader.collection("guidance").find_one({"product_id": product_id, "step": step.value})
    return to_page(kept) if kept is not None else None


async def pages_of(reader: Reader, product_ids: Sequence[str | None], steps: Sequence[Step]) -> list[GuidancePage]:
    """Return the pages of steps: the platform's (None) and products', in order of the steps, the platform's first."""
    query = {"product_id": {"$in": list(product_ids)}, "step": {"$in": [step.value for step in steps]}}
    pages = [to_page(each) for each in await reader.collection("guidance").find(query)]
    order = list(Step)
    return sorted(pages, key=lambda page: (order.index(page.step), page.product_id or ""))


async def keep(tx: Transaction, page: GuidancePage) -> None:
    """Keep a page as it is now."""
    await tx.collection("guidance").replace_one({"_id": page.id}, _to_document(page), upsert=True)


async def remove(tx: Transaction, page_id: str) -> None:
    """Keep a page no more."""
    await tx.collection("guidance").delete_one({"_id": page_id})
