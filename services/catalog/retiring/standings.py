"""Taking back the standing of a provider, once nothing of it can be called and nobody is subscribed to it."""

from chassis.errors import Conflict
from chassis.mongo import Transaction
from services.catalog.callers import actions as callers
from services.catalog.products import repository as products
from services.catalog.providers import access
from services.catalog.providers import actions as providers


class ProviderStillCalled(Conflict):
    """The provider has versions that can be called: they have to be retired before it stops being a provider."""


class ProviderStillSubscribedTo(Conflict):
    """There are live subscriptions to the provider's products: they have to end before it stops being a provider."""


async def withdraw_provider_standing(tx: Transaction, organization_id: str) -> str:
    """Make an organization a provider no more and return its name; its drafts and what it has retired stay.

    Withdrawing again changes and announces nothing. Raises ``ProviderStillCalled``, ``ProviderStillSubscribedTo`` and as access
    does.
    """
    name = await access.organization_to_grant(tx, organization_id)
    owned = await products.of_organization(tx, organization_id)
    if any(product.is_callable for product in owned):
        raise ProviderStillCalled
    if await callers.count_subscribers(tx, [product.id for product in owned]):
        raise ProviderStillSubscribedTo
    await providers.withdraw_provider_standing(tx, organization_id)
    return name
