"""What can be done with passwords."""

from dataclasses import dataclass
from datetime import timedelta

from chassis.mongo import Reader, Transaction
from services.identity import throttles
from services.identity.accounts import repository as accounts
from services.identity.accounts.actions import hold_viewer
from services.identity.accounts.domain import User
from services.identity.factors.access import has_second_factor
from services.identity.factors.actions import drop_challenges
from services.identity.inputs import address_key
from services.identity.links.actions import drop_links, make_link, use_link
from services.identity.links.domain import LinkNotValid, Purpose
from services.identity.mail.actions import PostOffice, post
from services.identity.passwords.domain import CHANGE, RESET, NewPassword, PasswordChangedMeanwhile, changed
from services.identity.passwords.rules import MIN_LENGTH, PasswordNotAccepted
from services.identity.sessions.actions import end_sessions
from services.identity.throttles import Limit

_PROOFS = Limit("prove-password", tries=20, window=timedelta(minutes=15))
_RESETS_PER_ADDRESS = Limit("reset", tries=5, window=timedelta(hours=1))
_RESETS_PER_NETWORK = Limit("reset-network", tries=100, window=timedelta(hours=1))


@dataclass(frozen=True, slots=True)
class Forgotten:
    """Somebody says to have forgotten the password of the account with this address."""

    email: str
    language: str


async def count_proof(reader: Reader, user_id: str) -> None:
    """Count a try to prove one's password, before it is made. Raises ``TriedTooOften``."""
    await throttles.count_try(reader, _PROOFS, user_id)


async def forget_proofs(reader: Reader, user_id: str) -> None:
    """Begin to count tries anew: the password was right."""
    await throttles.forget_tries(reader, _PROOFS, user_id)


async def count_reset(reader: Reader, email: str, network_address: str | None) -> None:
    """Count a wish for a new password, for the address and for the place it comes from. Raises ``TriedTooOften``."""
    await throttles.count_try(reader, _RESETS_PER_ADDRESS, address_key(email))
    network = throttles.network_of(network_address)
    if network is not None:
        await throttles.count_try(reader, _RESETS_PER_NETWORK, network)


async def hold_unchanged(tx: Transaction, proven: User) -> User:
    """Return the one who asks, whose password is still the one that was proved a moment ago, and stays so in this transaction.

    Raises ``SignInFirst`` or ``PasswordChangedMeanwhile``.
    """
    user = await hold_viewer(tx)
    if user.password_hash != proven.password_hash:
        raise PasswordChangedMeanwhile
    return user


async def change_password(tx: Transaction, proven: User, new: NewPassword, office: PostOffice) -> User:
    """Give the one who asks, whose present password was proved, another one; all their other sessions end.

    Raises ``PasswordChangedMeanwhile`` or ``PasswordNotAccepted``.
    """
    user = await hold_unchanged(tx, proven)
    await _replace(tx, user, new, by=CHANGE, office=office)
    await end_sessions(tx, user.id, but=tx.principal.session_id)
    return user


async def request_reset(tx: Transaction, forgotten: Forgotten, office: PostOffice, ttl: timedelta) -> None:
    """Write to an address: how to choose a new password, or that there is no account with it.

    The same is written to the database in both cases, and only the owner of the address learns which one it is.
    """
    user = await accounts.find_user_by_address(tx, address_key(forgotten.email))
    token = await make_link(tx, Purpose.RESET_PASSWORD, ttl, user.id if user else None)
    if user is not None:
        minutes = int(ttl.total_seconds() // 60)
        await post(tx, office, "reset_password", user.email, language=user.language, token=token, minutes=minutes)
    else:
        # The token of this link is told to nobody; it opens nothing and lapses.
        await post(tx, office, "no_account", forgotten.email, language=forgotten.language)


async def reset_password(tx: Transaction, token: str, new: NewPassword, office: PostOffice) -> User:
    """Give the user of a mailed link another password, once; all sessions end. A second factor goes on being asked for.

    Raises ``LinkNotValid`` or ``PasswordNotAccepted``.
    """
    return await _set_by_link(tx, token, Purpose.RESET_PASSWORD, new, office=office)


async def set_first_password(tx: Transaction, token: str, new: NewPassword, office: PostOffice) -> User:
    """Give an invited user the first password, by the link in the letter of welcome, once.

    Raises ``LinkNotValid`` or ``PasswordNotAccepted``.
    """
    return await _set_by_link(tx, token, Purpose.SET_PASSWORD, new, office=office)


async def _set_by_link(tx: Transaction, token: str, purpose: Purpose, new: NewPassword, *, office: PostOffice) -> User:
    _, user_id = await use_link(tx, token, purpose)
    user = await accounts.find_user(tx, user_id)
    if user is None:
        raise LinkNotValid
    await _replace(tx, user, new, by=RESET, office=office)
    await end_sessions(tx, user.id)
    return user


async def _replace(tx: Transaction, user: User, new: NewPassword, *, by: str, office: PostOffice) -> None:
    if not new.is_long and not await has_second_factor(tx, user.id):
        # The second factor was there when the password was checked, and is gone now.
        raise PasswordNotAccepted(f"give at least {MIN_LENGTH} characters; several words are easy to remember")
    await accounts.save_password(tx, user.id, new.hash, is_long=new.is_long)
    # Whatever was mailed before is in hands that the owner may not trust any more.
    await drop_links(tx, user.id)
    # Half of a sign-in by the former password is worth nothing now.
    await drop_challenges(tx, user.id)
    await tx.emit(changed(user.id, by), subject=user.id)
    if user.password_hash is not None:
        await post(tx, office, "password_changed", user.email, language=user.language)
