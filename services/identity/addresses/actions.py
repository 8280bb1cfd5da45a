"""What can be done with addresses."""

from datetime import timedelta

from chassis.mongo import DuplicateKey, Reader, Transaction
from services.identity import throttles
from services.identity.accounts import repository as accounts
from services.identity.accounts.actions import announce_reachable, announce_rights
from services.identity.accounts.domain import User
from services.identity.addresses.domain import require_other
from services.identity.inputs import address_key
from services.identity.links.actions import drop_links, make_link, use_link
from services.identity.links.domain import LinkNotValid, Purpose
from services.identity.mail.actions import PostOffice, post
from services.identity.passwords.actions import hold_unchanged
from services.identity.throttles import Limit

_PER_USER = Limit("change-address", tries=20, window=timedelta(hours=1))
_MAILS_PER_ADDRESS = Limit("change-address-mails", tries=5, window=timedelta(hours=1))


async def count_change(reader: Reader, user_id: str, new_email: str) -> None:
    """Count a wish for another address, for the user and for the address. Raises ``TriedTooOften``."""
    await throttles.count_try(reader, _PER_USER, user_id)
    await throttles.count_try(reader, _MAILS_PER_ADDRESS, address_key(new_email))


async def request_email_change(tx: Transaction, proven: User, new_email: str, office: PostOffice, *, ttl: timedelta) -> None:
    """Write to the wanted address, whether somebody has it or not, and warn the present one.

    The same is written to the database in both cases, and only the owner of the wanted address learns which one it is. Raises
    ``SameAddress`` or ``PasswordChangedMeanwhile``.
    """
    user = await hold_unchanged(tx, proven)
    require_other(user, new_email)
    holder = await accounts.find_user_by_address(tx, address_key(new_email))
    is_free = holder is None or holder.id == user.id
    await drop_links(tx, user.id, [Purpose.CHANGE_ADDRESS])
    token = await make_link(tx, Purpose.CHANGE_ADDRESS, ttl, user.id if is_free else None, email=new_email)
    hours = max(1, int(ttl.total_seconds() // 3600))
    if is_free:
        await post(tx, office, "confirm_new_address", new_email, language=user.language, token=token, hours=hours)
    else:
        # The token of this link is told to nobody; it opens nothing and lapses.
        await post(tx, office, "address_taken", new_email, language=user.language)
    await post(tx, office, "address_change_requested", user.email, language=user.language)


async def confirm_email_change(tx: Transaction, token: str, office: PostOffice) -> User:
    """Give a user the address that a mailed token confirms, and tell the former one. Raises ``LinkNotValid``."""
    link, user_id = await use_link(tx, token, Purpose.CHANGE_ADDRESS)
    user = await accounts.find_user(tx, user_id)
    if user is None or link.email is None or link.email_key is None:
        raise LinkNotValid
    holder = await accounts.find_user_by_address(tx, link.email_key)
    if holder is not None and holder.id != user.id:
        raise LinkNotValid
    try:
        await accounts.save_address(tx, user.id, link.email, link.email_key)
    except DuplicateKey:
        raise LinkNotValid from None
    # What was mailed to the former address opens nothing any more, and nobody confirms a registration of the new one.
    await drop_links(tx, user.id)
    await accounts.remove_registrations(tx, link.email_key)
    await post(tx, office, "address_changed", user.email, language=user.language)
    # The roles on the platform itself go by the address.
    await announce_rights(tx, [user.id])
    changed = await accounts.find_user(tx, user.id)
    assert changed is not None
    await announce_reachable(tx, changed, office.book)
    return changed
