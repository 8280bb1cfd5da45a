"""What can be done to be welcomed."""

from chassis.mongo import DuplicateKey, Transaction
from services.identity.accounts.actions import confirm
from services.identity.accounts.domain import User
from services.identity.links.domain import LinkNotValid
from services.identity.mail.actions import AddressBook
from services.identity.organizations.actions import open_organization

TEST_ORGANIZATION = "Test organization"


async def verify_email(tx: Transaction, token: str, book: AddressBook) -> User:
    """Make the account that a mailed token confirms, and its test organization. Raises ``LinkNotValid``."""
    try:
        user = await confirm(tx, token, book)
    except DuplicateKey:
        raise LinkNotValid from None
    await open_organization(tx, TEST_ORGANIZATION, user.id, is_test=True)
    return user
