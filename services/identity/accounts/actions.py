"""What can be done with accounts."""

from dataclasses import dataclass
from datetime import timedelta

from chassis.ids import new_id
from chassis.mongo import Reader, Transaction
from services.identity import throttles
from services.identity.accounts import access, repository
from services.identity.accounts.domain import (
    SESSION_PREFIX,
    VERIFICATION_PREFIX,
    Lifetimes,
    LinkNotValid,
    Registration,
    Session,
    User,
    begin_session,
)
from services.identity.inputs import address_key
from services.identity.mail.actions import PostOffice, post
from services.identity.mail.domain import already_registered, confirm_address
from services.identity.mint import fingerprint, new_token
from services.identity.throttles import Limit

_PER_ACCOUNT = Limit("sign-in-account", tries=20, window=timedelta(minutes=15))
_MAILS_PER_ADDRESS = Limit("register", tries=6, window=timedelta(hours=1))
_PER_NETWORK_ADDRESS = Limit("sign-in-network", tries=200, window=timedelta(minutes=15))


@dataclass(frozen=True, slots=True)
class Opened:
    """A session just begun, with the token that is told once."""

    session: Session
    token: str


@dataclass(frozen=True, slots=True)
class Wanted:
    """The account that somebody registers for."""

    email: str
    name: str
    password_hash: str


async def register(tx: Transaction, wanted: Wanted, office: PostOffice, ttl: timedelta) -> None:
    """Keep the wish for an account and write to its address, whether it has an account already or not.

    The same is written to the database in both cases, and only the owner of the address learns which one it is. Raises
    ``TriedTooOften``.
    """
    key = address_key(wanted.email)
    await throttles.count_try(tx, _MAILS_PER_ADDRESS, key)
    user = await repository.find_user_by_address(tx, key)
    token = new_token(VERIFICATION_PREFIX)
    registration = Registration(
        new_id("reg"), wanted.name, wanted.email, key, wanted.password_hash, fingerprint(token), tx.now, tx.now + ttl
    )
    await repository.add_registration(tx, registration)
    if user is None:
        await post(tx, office, confirm_address(wanted.email, office.portal_url, token))
    else:
        # The token of this registration is told to nobody; the registration lapses.
        await post(tx, office, already_registered(user.email, office.portal_url))


async def confirm(tx: Transaction, token: str) -> User:
    """Make the account that a token confirms; the token is used up. Raises ``LinkNotValid``."""
    registration = await repository.find_registration(tx, fingerprint(token))
    if registration is None or await repository.find_user_by_address(tx, registration.email_key):
        raise LinkNotValid
    user, registered = registration.confirm(new_id("usr"), tx.now)
    await repository.remove_registrations(tx, user.email_key)
    await repository.add_user(tx, user)
    await tx.emit(registered, subject=user.id)
    return user


async def find_unconfirmed(reader: Reader, email: str) -> Registration | None:
    """Return the newest registration of an address (for verifying the password; never shown)."""
    registration = await repository.find_newest_registration(reader, address_key(email))
    return registration if registration and reader.now < registration.expires_at else None


async def count_sign_in(tx: Transaction, email: str, network_address: str | None) -> None:
    """Count a try to sign in, whether there is such an account or not. Raises ``TriedTooOften``."""
    await throttles.count_try(tx, _PER_ACCOUNT, address_key(email))
    if network_address:
        await throttles.count_try(tx, _PER_NETWORK_ADDRESS, network_address)


async def find_by_address(reader: Reader, email: str) -> User | None:
    """Return the user who signs in with this address (for verifying the password; never shown)."""
    return await repository.find_user_by_address(reader, address_key(email))


async def open_session(tx: Transaction, user: User, lifetimes: Lifetimes, *, new_hash: str | None = None) -> Opened:
    """Begin a session for a user whose password was right; ``new_hash`` replaces a hash of former strength."""
    token = new_token(SESSION_PREFIX)
    session = begin_session(new_id("ses"), user.id, fingerprint(token), now=tx.now, lifetimes=lifetimes)
    await repository.add_session(tx, session)
    if new_hash is not None:
        await repository.change_password_hash(tx, user.id, new_hash)
    await throttles.forget_tries(tx, _PER_ACCOUNT, user.email_key)
    return Opened(session, token)


async def sign_out(tx: Transaction) -> None:
    """End the session of the one who asks; a second time there is nothing left to do. Raises ``SignInFirst``."""
    session = await access.own_session(tx)
    if session is None:
        return
    await repository.remove_sessions(tx, [session.id])
    await tx.emit(session.end(), subject=session.user_id)


async def use_session(reader: Reader, token: str, lifetimes: Lifetimes) -> Session:
    """Return the session that a token opens and prolong its life. Raises ``SessionNotLive``."""
    session = await access.require_session(reader, token)
    if session.is_worth_noting(reader.now, lifetimes):
        session = session.used(reader.now, lifetimes)
        await repository.note_use(reader, session)
    return session
