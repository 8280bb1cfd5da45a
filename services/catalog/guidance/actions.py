"""What can be done with guidance."""

from collections.abc import Sequence

from chassis.ids import new_id
from chassis.messages import Event
from chassis.mongo import Transaction
from services.catalog.guidance import access, repository
from services.catalog.guidance.domain import GuidancePage, GuidanceText, NoSuchGuidance, Step
from services.catalog.texts.domain import DEFAULT


async def write_guidance(tx: Transaction, step: Step, product_id: str | None, texts: Sequence[GuidanceText]) -> GuidancePage:
    """Write the page of a step: it has these texts from now on and no others; the same texts change and announce nothing.

    Raises ``LanguageTwice`` and as access does.
    """
    product = await access.product_to_guide(tx, product_id)
    present = await repository.page_of(tx, step, product_id)
    if present is None:
        organization_id = product.organization_id if product is not None else None
        main = product.description.main_language if product is not None else DEFAULT
        present = GuidancePage(
            id=new_id("gui"),
            step=step,
            texts=(),
            changed_at=tx.now,
            product_id=product_id,
            organization_id=organization_id,
            main_language=main,
        )
    page, written = present.write(texts, tx.now)
    if written is not None:
        await repository.keep(tx, page)
        await _announce(tx, written, page)
    return page


async def remove_guidance(tx: Transaction, step: Step, product_id: str | None) -> GuidancePage:
    """Remove the page of a step. Raises ``NoSuchGuidance`` and as access does."""
    await access.product_to_guide(tx, product_id)
    page = await repository.page_of(tx, step, product_id)
    if page is None:
        raise NoSuchGuidance
    await repository.remove(tx, page.id)
    await _announce(tx, page.removed(), page)
    return page


async def _announce(tx: Transaction, event: Event, page: GuidancePage) -> None:
    audience = [page.organization_id] if page.organization_id is not None else []
    await tx.emit(event, subject=page.id, organization=page.organization_id, audience=audience)
