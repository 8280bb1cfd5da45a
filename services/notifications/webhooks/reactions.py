"""What webhooks do when others announce something: they wait to be sent, or end with their organization."""

from chassis.inbox import On
from chassis.messages import Heard
from chassis.mongo import Transaction
from services.notifications.webhooks import actions, telling
from services.notifications.webhooks.actions import Desk
from services.notifications.webhooks.event_types import HEARD


def reactions(desk: Desk) -> tuple[On, ...]:
    """Return the reactions."""

    async def tell_webhooks(tx: Transaction, heard: Heard) -> None:
        """Let an event wait for the webhooks of the organizations that may hear of it."""
        await telling.tell(tx, desk, heard)

    async def delete_webhooks_of_organization(tx: Transaction, heard: Heard) -> None:
        """Forget the webhooks of an organization that is gone."""
        await actions.delete_all_of(tx, heard.subject)

    return (
        On(tell_webhooks, *HEARD),
        On(delete_webhooks_of_organization, "identity.organization_deleted.v1"),
    )
