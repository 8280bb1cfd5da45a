"""What can be done about what is kept about a person."""

from chassis.mongo import Transaction
from services.identity.accounts import repository as accounts
from services.identity.accounts.actions import announce_rights
from services.identity.accounts.domain import User
from services.identity.mail.actions import PostOffice, post, withdraw
from services.identity.members import repository as members
from services.identity.members.actions import end_memberships
from services.identity.onboarding import repository as onboarding
from services.identity.organizations.access import standings_of
from services.identity.organizations.actions import close_organization
from services.identity.organizations.domain import Organization
from services.identity.organizations.roles import Role
from services.identity.passwords.actions import hold_unchanged
from services.identity.privacy import repository
from services.identity.privacy.domain import OwnsOrganizations, erased
from services.identity.sessions.actions import end_sessions
from services.identity.staff.actions import end_roles


async def erase_account(tx: Transaction, proven: User, office: PostOffice) -> User:
    """Erase the one who asks, who has proved who they are, and all that is kept about them; return who it was.

    Organizations in which they are alone go with them. Raises ``OwnsOrganizations`` or ``PasswordChangedMeanwhile``.
    """
    user = await hold_unchanged(tx, proven)
    for organization in await _owned_alone(tx, user):
        await close_organization(tx, organization)
    await end_memberships(tx, user.id)
    await end_sessions(tx, user.id)
    await end_roles(tx, user)
    await announce_rights(tx, [user.id])
    await withdraw(tx, user.email)
    await repository.erase(tx, user)
    named_in = await onboarding.leave_contact_blank(tx, user.email)
    await repository.blank_announcements(tx, [user.id, *named_in])
    await accounts.remove_user(tx, user.id)
    await tx.emit(erased(user.id), subject=user.id)
    await post(tx, office, "account_erased", user.email, language=user.language)
    return user


async def _owned_alone(tx: Transaction, user: User) -> list[Organization]:
    """Return the organizations that end with their Owner. Raises ``OwnsOrganizations`` where others need one."""
    standings = (await standings_of(tx, user.id)).values()
    owned = [each.organization for each in standings if each.role is Role.OWNER]
    needed = [each.name for each in owned if each.is_provider or await members.count(tx, each.id) > 1]
    if needed:
        raise OwnsOrganizations(needed)
    return owned
