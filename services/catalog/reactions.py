"""What the catalogue does when others announce something."""

from chassis.inbox import On
from chassis.messages import Heard
from chassis.mongo import Transaction
from services.catalog.providers import actions as providers


async def remember_organization(tx: Transaction, heard: Heard) -> None:
    """Keep the organization's name, to show it beside its products and to know that it exists."""
    await providers.remember(tx, heard)


async def remember_end_of_organization(tx: Transaction, heard: Heard) -> None:
    """Keep that an organization is gone: it becomes no provider any more; its name stays beside what it published."""
    await providers.remember_end(tx, heard)


REACTIONS = (
    On(remember_organization, "identity.organization_created.v1", "identity.organization_renamed.v1"),
    On(remember_end_of_organization, "identity.organization_deleted.v1"),
)
