"""What can be done with accounts."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import timedelta

from chassis.ids import new_id
from chassis.mongo import Reader, Transaction
from chassis.principal import SignInFirst
from services.identity import throttles
from services.identity.accounts import access, repository
from services.identity.accounts.domain import VERIFICATION_PREFIX, WELCOME_TTL, NobodyToInvite, Registration, User
from services.identity.events import RightsChanged, UserRegistered
from services.identity.inputs import address_key
from services.identity.links.actions import make_link
from services.identity.links.domain import LinkNotValid, Purpose
from services.identity.mail.actions import AddressBook, PostOffice, post
from services.identity.mint import fingerprint, new_token
from services.identity.throttles import Limit

_MAILS_PER_ADDRESS = Limit("register", tries=6, window=timedelta(hours=1))
_REGISTRATIONS_PER_NETWORK = Limit("register-network", tries=300, window=timedelta(hours=1))


@dataclass(frozen=True, slots=True)
class Wanted:
    """The account that somebody registers for."""

    email: str
    name: str
    password_hash: str
    language: str


async def count_registration(reader: Reader, email: str, network_address: str | None) -> None:
    """Count a try to register, for the address and for the place it comes from. Raises ``TriedTooOften``."""
    await throttles.count_try(reader, _MAILS_PER_ADDRESS, address_key(email))
    network = throttles.network_of(network_address)
    if network is not None:
        await throttles.count_try(reader, _REGISTRATIONS_PER_NETWORK, network)


async def register(tx: Transaction, wanted: Wanted, office: PostOffice, ttl: timedelta) -> None:
    """Keep the wish for an account and write to its address, whether it has an account already or not.

    The same is written to the database in both cases, and only the owner of the address learns which one it is.
    """
    key = address_key(wanted.email)
    user = await repository.find_user_by_address(tx, key)
    token = new_token(VERIFICATION_PREFIX)
    registration = Registration(
        id=new_id("reg"),
        name=wanted.name,
        email=wanted.email,
        email_key=key,
        password_hash=wanted.password_hash,
        token_hash=fingerprint(token),
        created_at=tx.now,
        expires_at=tx.now + ttl,
        language=wanted.language,
    )
    await repository.add_registration(tx, registration)
    if user is None:
        await post(tx, office, "confirm_address", wanted.email, language=wanted.language, token=token)
    else:
        # The token of this registration is told to nobody; the registration lapses.
        await post(tx, office, "already_registered", user.email, language=user.language)


async def confirm(tx: Transaction, token: str, book: AddressBook) -> User:
    """Make the account that a token confirms; the token is used up. Raises ``LinkNotValid``."""
    registration = await repository.find_registration(tx, fingerprint(token))
    if registration is None or await repository.find_user_by_address(tx, registration.email_key):
        raise LinkNotValid
    user, registered = registration.confirm(new_id("usr"), tx.now)
    await repository.remove_registrations(tx, user.email_key)
    await repository.add_user(tx, user)
    await tx.emit(registered, subject=user.id)
    await announce_reachable(tx, user, book)
    return user


async def invite_user(tx: Transaction, office: PostOffice, email: str, name: str, *, language: str) -> User:
    """Make a user who has no password yet, and write to them a link that sets the first one; it is good for a week.

    Whoever has the address already is returned as they are, and nobody is written to. No authority is checked here. Raises
    ``NobodyToInvite`` where there is no address.
    """
    if not email:
        raise NobodyToInvite
    key = address_key(email)
    known = await repository.find_user_by_address(tx, key)
    if known is not None:
        return known
    user = User(new_id("usr"), name, email, key, None, created_at=tx.now, language=language)
    await repository.remove_registrations(tx, key)
    await repository.add_user(tx, user)
    await tx.emit(UserRegistered(user_id=user.id), subject=user.id)
    await announce_reachable(tx, user, office.book)
    token = await make_link(tx, Purpose.SET_PASSWORD, WELCOME_TTL, user.id)
    await post(tx, office, "welcome", email, language=language, token=token, name=name, days=WELCOME_TTL.days)
    return user


async def hold_viewer(tx: Transaction) -> User:
    """Return the one who asks, whom nobody else changes or forgets while this transaction lasts. Raises ``SignInFirst``."""
    user = await repository.hold_user(tx, tx.principal.require_signed_in())
    if user is None:
        raise SignInFirst
    return user


async def change_profile(tx: Transaction, book: AddressBook, *, name: str | None = None, language: str | None = None) -> User:
    """Change what the one who asks is called, or the language they are written to in. Raises ``SignInFirst``."""
    user = await access.require_viewer(tx)
    changed = replace(user, name=name or user.name, language=language or user.language)
    if changed != user:
        await repository.save_profile(tx, changed)
        await announce_reachable(tx, changed, book)
    return changed


async def find_unconfirmed(reader: Reader, email: str) -> Registration | None:
    """Return the newest registration of an address (for verifying the password; never shown)."""
    registration = await repository.find_newest_registration(reader, address_key(email))
    return registration if registration and reader.now < registration.expires_at else None


async def find_by_address(reader: Reader, email: str) -> User | None:
    """Return the user who signs in with this address (for verifying the password; never shown)."""
    return await repository.find_user_by_address(reader, address_key(email))


async def announce_reachable(tx: Transaction, user: User, book: AddressBook) -> None:
    """Announce how a user is called and reached now; the address is for notifications alone to read."""
    is_named_operator = user.is_named_operator(book.operator_keys)
    sealed = book.seal.close(user.email, user.id)
    await tx.emit(user.reachable(sealed, is_named_operator=is_named_operator), subject=user.id)
    await repository.note_announced(tx, user.id, sealed, is_named_operator=is_named_operator)


async def announce_rights(tx: Transaction, user_ids: Iterable[str]) -> None:
    """Announce, with the change that causes it, that the rights of these users are other ones now.

    Whatever was issued to them before (a passport, an open socket) has to be looked at again: every change of a membership, a
    role, an Owner or a platform role ends with this.
    """
    for user_id in sorted(set(user_ids)):
        version = await repository.grow_rights_version(tx, user_id)
        if version is not None:
            await tx.emit(RightsChanged(user_id=user_id, rights_version=version), subject=user_id)
