"""What can be done with the operator's staff."""

from dataclasses import dataclass

from chassis.messages import Event
from chassis.mongo import Transaction
from services.identity.accounts import repository as accounts
from services.identity.accounts.actions import announce_reachable, announce_rights
from services.identity.accounts.domain import PlatformRole, User
from services.identity.events import PlatformRoleWithdrawn
from services.identity.inputs import address_key
from services.identity.mail.actions import AddressBook
from services.identity.staff import access, domain
from services.identity.staff.domain import LastAdministrator, NoSuchUser


@dataclass(frozen=True, slots=True)
class Named:
    """Somebody by id, or by the address they sign in with."""

    user_id: str | None = None
    email: str | None = None


async def grant_platform_role(tx: Transaction, named: Named, role: PlatformRole, book: AddressBook) -> User:
    """Make somebody with an account one of the staff, in a role. Raises ``SignInFirst``, ``OperatorOnly`` or ``NoSuchUser``."""
    await access.require_administrator(tx, book.operator_keys)
    user = await _hold(tx, named)
    granted = domain.grant(user, role)
    if granted is None:
        return user
    await accounts.add_role(tx, user.id, role)
    return await _announce(tx, granted, user.id, book)


async def withdraw_platform_role(tx: Transaction, user_id: str, role: PlatformRole, book: AddressBook) -> User:
    """Take a role from one of the staff.

    Raises ``SignInFirst``, ``OperatorOnly``, ``NoSuchUser``, ``RoleFromSetting`` or ``LastAdministrator``.
    """
    await access.require_administrator(tx, book.operator_keys)
    user = await _hold(tx, Named(user_id))
    withdrawn = domain.withdraw(user, role, book.operator_keys)
    if withdrawn is None:
        return user
    if role is PlatformRole.OPERATOR_ADMINISTRATOR:
        await _hold_another_administrator(tx, user, book.operator_keys)
    await accounts.remove_role(tx, user.id, role)
    return await _announce(tx, withdrawn, user.id, book)


async def end_roles(tx: Transaction, user: User) -> None:
    """Announce that somebody who is erased is of the staff no more; the roles go with the account."""
    for role in user.granted_roles:
        await tx.emit(PlatformRoleWithdrawn(user_id=user.id, role=role), subject=user.id)


async def _hold(tx: Transaction, named: Named) -> User:
    """Return somebody whom nobody else changes or erases meanwhile. Raises ``NoSuchUser``."""
    user_id = named.user_id
    if user_id is None:
        found = await accounts.find_user_by_address(tx, address_key(named.email or ""))
        if found is None:
            raise NoSuchUser("email")
        user_id = found.id
    user = await accounts.hold_user(tx, user_id)
    if user is None:
        raise NoSuchUser("user_id" if named.email is None else "email")
    return user


async def _hold_another_administrator(tx: Transaction, user: User, operator_keys: frozenset[str]) -> None:
    """Make sure that somebody else stays an administrator, also where two take the role from each other at one moment.

    Raises ``LastAdministrator``.
    """
    administrators = await access.in_roles(tx, [PlatformRole.OPERATOR_ADMINISTRATOR], operator_keys, most=2)
    others = [each.id for each in administrators if each.id != user.id]
    if not others or await accounts.hold_user(tx, others[0]) is None:
        raise LastAdministrator


async def _announce(tx: Transaction, fact: Event, user_id: str, book: AddressBook) -> User:
    await tx.emit(fact, subject=user_id)
    await announce_rights(tx, [user_id])
    user = await accounts.find_user(tx, user_id)
    if user is None:
        raise NoSuchUser("user_id")
    await announce_reachable(tx, user, book)
    return user
