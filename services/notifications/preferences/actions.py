"""What can be done with preferences."""

from chassis.mongo import Transaction
from services.notifications.preferences import access, repository
from services.notifications.preferences.domain import NoSuchMembership, Preferences, Topic


async def change_notice_preference(
    tx: Transaction, topic: Topic | None, organization_id: str | None, *, mail: bool | None
) -> Preferences:
    """Choose whether something is mailed to the one who asks; None takes a choice back.

    Raises ``SignInFirst``, ``NoSuchMembership``, ``MailedAlways`` or ``TooManyChoices``.
    """
    preferences = await access.own(tx)
    # Whoever has left an organization may still take back what they had chosen for it.
    if organization_id is not None and mail is not None and not tx.principal.is_member(organization_id):
        raise NoSuchMembership
    chosen = preferences.choose(topic, organization_id, mail)
    if chosen != preferences:
        await repository.save(tx, chosen)
    return chosen


async def forget(tx: Transaction, user_id: str) -> None:
    """Forget what somebody had chosen who is erased."""
    await repository.forget(tx, user_id)
