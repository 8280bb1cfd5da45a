"""What can be done with products and their plans."""

from collections.abc import Callable

from chassis.errors import FieldProblem, Invalid
from chassis.ids import new_id
from chassis.mongo import Transaction
from services.catalog.categories.access import require_known
from services.catalog.products import access, repository
from services.catalog.products.domain import RESERVED_SLUGS, SLUG_MAX, Description, Product, SlugReserved
from services.catalog.products.plans import Plan, Terms
from services.catalog.products.words import slug_of
from services.catalog.providers.access import require_provider


class SlugNeeded(Invalid):
    """The title gives no slug of Latin letters and digits; give one."""

    def __init__(self) -> None:
        super().__init__(fields=[FieldProblem("slug", "give one of Latin letters, digits and hyphens")])


async def create_product(tx: Transaction, organization_id: str, slug: str | None, description: Description) -> Product:
    """Begin a product that only the provider's members see.

    Raises ``NotAProvider``, ``NoSuchCategories``, ``SlugNeeded``, ``SlugReserved``, ``SlugTaken`` and as access does.
    """
    await require_provider(tx, organization_id)
    await require_known(tx, description.category_ids)
    chosen = slug or slug_of(description.title, SLUG_MAX)
    if not chosen:
        raise SlugNeeded
    if chosen in RESERVED_SLUGS:
        raise SlugReserved
    product = Product(new_id("prd"), organization_id, chosen, description, tx.now)
    await repository.insert(tx, product)
    await tx.emit(product.created(), subject=product.id, organization=organization_id, audience=[organization_id])
    return product


async def change_product(tx: Transaction, product_id: str, describe: Callable[[Description], Description]) -> Product:
    """Describe a product otherwise, starting from how it is; what is the same as before changes and announces nothing.

    Raises ``NoSuchCategories`` where it joins one that does not exist, and as access does.
    """
    present = await access.product_to_manage(tx, product_id)
    product, changed = present.change(describe(present.description))
    # A category that was removed may stand in what was there before; it is shown nowhere.
    await require_known(tx, [each for each in product.description.category_ids if each not in present.description.category_ids])
    if changed is not None:
        await repository.replace(tx, product)
        await tx.emit(changed, subject=product.id, organization=product.organization_id, audience=[product.organization_id])
    return product


async def create_plan(tx: Transaction, product_id: str, terms: Terms) -> tuple[Product, Plan]:
    """Offer the product under one more plan. Raises ``PlanNameTaken`` and as access does."""
    plan = Plan(new_id("pln"), terms)
    product, created = (await access.product_to_manage(tx, product_id)).add_plan(plan)
    await repository.replace(tx, product)
    await tx.emit(created, subject=plan.id, organization=product.organization_id, audience=[product.organization_id])
    return product, plan


async def change_plan(tx: Transaction, plan_id: str, terms: Terms) -> tuple[Product, Plan]:
    """Change a plan's terms, for everybody who is on it; the same terms change and announce nothing.

    Raises ``PlanAlreadyWithdrawn``, ``PlanNameTaken`` and as access does.
    """
    product, plan = await access.plan_to_manage(tx, plan_id)
    plan = plan.under(terms)
    product, changed = product.change_plan(plan)
    if changed is not None:
        await repository.replace(tx, product)
        await tx.emit(changed, subject=plan.id, organization=product.organization_id, audience=[product.organization_id])
    return product, plan


async def withdraw_plan(tx: Transaction, plan_id: str) -> tuple[Product, Plan]:
    """Let nobody subscribe to a plan any more; who is on it stays on it. Raises ``PlanAlreadyWithdrawn`` and as access does."""
    present, plan = await access.plan_to_manage(tx, plan_id)
    product, withdrawn = present.withdraw_plan(plan, tx.now)
    await repository.replace(tx, product)
    await tx.emit(withdrawn, subject=plan_id, organization=product.organization_id, audience=[product.organization_id])
    plan_now = product.plan(plan_id)
    assert plan_now is not None
    return product, plan_now
