"""What is announced when identity starts: the roles, and whoever was not announced as they are now."""

from functools import partial

from chassis.mongo import Store, Transaction
from chassis.principal import system
from services.identity.accounts import repository as accounts
from services.identity.accounts.actions import announce_reachable
from services.identity.announcing import repository
from services.identity.events import RolesDescribed
from services.identity.mail.actions import AddressBook
from services.identity.organizations.roles import Role, grants_of

ROLES = "roles"
_BATCH = 100
_BY = system("identity.announcing")


async def announce_roles(tx: Transaction) -> None:
    """Announce what each role allows, where that was never said or is another thing now."""
    table = {str(role): grants_of(role) for role in Role}
    if await repository.note_roles(tx, table):
        await tx.emit(RolesDescribed(actions_by_role=table), subject=ROLES)


async def announce_people(store: Store, book: AddressBook) -> int:
    """Announce how those are reached of whom it was not announced, or is not so any more; return how many they were.

    Each in a transaction of its own, which looks again: several processes may do so at a time.
    """
    announced = 0
    while due := await accounts.find_to_announce(store.reader(), book.operator_keys, _BATCH):
        for user_id in due:
            await store.transact(_BY, partial(_announce, user_id=user_id, book=book))
            announced += 1
    return announced


async def _announce(tx: Transaction, user_id: str, book: AddressBook) -> None:
    user = await accounts.hold_user(tx, user_id)
    if user is not None:
        await announce_reachable(tx, user, book)
