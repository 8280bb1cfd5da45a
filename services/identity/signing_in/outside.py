"""Signing in by an outside identity: whom it stands for here, and what is never done: to take over an account by an address."""

from dataclasses import dataclass

from chassis.ids import new_id
from chassis.mongo import DuplicateKey, Transaction
from services.identity.accounts import repository as accounts
from services.identity.accounts.actions import announce_reachable
from services.identity.accounts.domain import User
from services.identity.events import UserRegistered
from services.identity.inputs import address_key, read_address, read_name
from services.identity.mail.actions import AddressBook
from services.identity.openid import actions as openid
from services.identity.openid import repository as identities
from services.identity.openid.actions import OpenIdOffice
from services.identity.openid.domain import LinkedAlready, OutsideIdentity, Vouched, Way
from services.identity.openid.providers import Provider
from services.identity.organizations.actions import open_organization
from services.identity.sessions.access import require_own_session
from services.identity.sessions.domain import Seen
from services.identity.signing_in.actions import Entrance, SignedIn, let_in
from services.identity.signing_in.domain import (
    AddressNotVouchedFor,
    IdentityTaken,
    Needed,
    Proof,
    SignInAndLink,
    SigningInAtThisMoment,
    SignInNotBegun,
)
from services.identity.welcome.actions import TEST_ORGANIZATION


@dataclass(frozen=True, slots=True)
class Arrival:
    """Somebody who comes back from a provider, and what it says of them."""

    provider: Provider
    vouched: Vouched
    seen: Seen


async def enter(tx: Transaction, arrival: Arrival, entrance: Entrance, office: OpenIdOffice) -> SignedIn | Needed:
    """Let in whom an outside identity belongs to; one that belongs to nobody gets an account of its own where that may be.

    Raises ``AddressNotVouchedFor``, ``SignInAndLink``, ``LinkedAlready`` or ``SigningInAtThisMoment``.
    """
    vouched = arrival.vouched
    identity = await identities.find_identity(tx, vouched.issuer, vouched.subject)
    user = await accounts.find_user(tx, identity.user_id) if identity else None
    if identity is not None and user is not None:
        await identities.note_use(tx, identity.id)
    else:
        user = await _user_of(tx, arrival, office.post_office.book)
        await openid.link(tx, user, arrival.provider, vouched, office=office)
    proof = Proof(("OPENID",), is_enough=arrival.provider.is_strong)
    return await let_in(tx, user, proof, arrival.seen, entrance=entrance)


async def link(tx: Transaction, way: Way, arrival: Arrival, office: OpenIdOffice) -> OutsideIdentity:
    """Link an outside identity to the account of the one who asks, who has begun this way.

    Raises ``SignInFirst``, ``SessionNotLive``, ``SignInNotBegun``, ``IdentityTaken`` or ``LinkedAlready``.
    """
    session = await require_own_session(tx)
    user = await accounts.hold_user(tx, session.user_id)
    if user is None or session.user_id != way.user_id:
        raise SignInNotBegun
    known = await identities.find_identity(tx, arrival.vouched.issuer, arrival.vouched.subject)
    if known is not None:
        raise LinkedAlready if known.user_id == user.id else IdentityTaken
    return await openid.link(tx, user, arrival.provider, arrival.vouched, office=office)


async def _user_of(tx: Transaction, arrival: Arrival, book: AddressBook) -> User:
    """Return the user whom an identity without an owner is to belong to."""
    try:
        email = read_address(arrival.vouched.email or "")
    except ValueError:
        raise AddressNotVouchedFor from None
    user = await accounts.find_user_by_address(tx, address_key(email))
    if user is None:
        return await _new_user(tx, arrival, email, book)
    if not arrival.provider.trusts_email:
        raise SignInAndLink
    return user


async def _new_user(tx: Transaction, arrival: Arrival, email: str, book: AddressBook) -> User:
    """Make an account without a password, and its test organization."""
    key = address_key(email)
    if key in book.operator_keys and not arrival.provider.trusts_email:
        raise AddressNotVouchedFor  # who operates the platform is not for every provider to say
    try:
        name = read_name(arrival.vouched.name or "")
    except ValueError:
        name = read_name(email.partition("@")[0])
    user = User(id=new_id("usr"), name=name, email=email, email_key=key, password_hash=None, created_at=tx.now)
    await accounts.remove_registrations(tx, key)
    try:
        await accounts.add_user(tx, user)
    except DuplicateKey:
        raise SigningInAtThisMoment from None
    await tx.emit(UserRegistered(user_id=user.id), subject=user.id)
    await announce_reachable(tx, user, book)
    await open_organization(tx, TEST_ORGANIZATION, user.id, is_test=True)
    return user
