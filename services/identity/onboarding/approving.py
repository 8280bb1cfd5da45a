"""Approving an onboarding request: everything that a recipient gets, in one transaction, or nothing."""

from dataclasses import dataclass
from datetime import datetime

from chassis.mongo import Transaction
from services.identity.accounts.actions import invite_user
from services.identity.accounts.domain import User
from services.identity.certificates import actions as certificates
from services.identity.certificates.domain import CertificateRegisteredAlready
from services.identity.data_exchanges import actions as data_exchanges
from services.identity.invitations import actions as invitations
from services.identity.onboarding import access, repository
from services.identity.onboarding.actions import check_certificate
from services.identity.onboarding.domain import NotToBeDecided, Request, SubmittedAnew
from services.identity.onboarding.office import OnboardingOffice, announce_and_tell, language_of
from services.identity.organizations import actions as organizations
from services.identity.organizations import repository as organization_repository
from services.identity.organizations.domain import Organization


@dataclass(frozen=True, slots=True)
class Approval:
    """What the operator adds: a certificate instead of the form's, and why a bad finding does not matter.

    ``submitted_at`` is when the submission came that the operator looked at; without it, whatever lies there is meant.
    """

    despite_finding: str | None = None
    certificate_pem: str | None = None
    submitted_at: datetime | None = None


async def approve_request(tx: Transaction, request_id: str, approval: Approval, office: OnboardingOffice) -> Request:
    """Make the recipient's user, assign its number, register its certificate, and tell it and the provider.

    For a request that was recorded, its organization is made too, with the user as its Owner. Raises what
    ``Request.require_approvable`` refuses with, ``SubmittedAnew``, ``AlreadyOnboarded``, ``OwnerNotByInvitation`` or what a
    certificate is refused for; then nothing of it has happened.
    """
    request = await access.require_filed(tx, request_id)
    operator_id = access.require_operator(tx)
    request.require_approvable(operator_id, approval.despite_finding)
    if approval.submitted_at not in (None, request.submitted_at):
        raise SubmittedAnew
    user = await _recipient(tx, request, office)
    organization = await _organization(tx, request, user, office)
    data_exchange = await data_exchanges.assign(tx, organization.id, request.id, office.pattern)
    await _register_certificate(tx, organization, request, approval, office=office)
    approved, fact = request.approve(
        operator_id, organization.id, data_exchange.number, reason=approval.despite_finding, now=tx.now
    )
    await repository.save(tx, approved)
    await announce_and_tell(tx, office, fact, approved, is_for_provider=True, services=approved.form.services_text)
    return approved


async def _recipient(tx: Transaction, request: Request, office: OnboardingOffice) -> User:
    contact = request.form.contact
    language = await language_of(tx, contact.email, request.language)
    return await invite_user(tx, office.post_office, contact.email, contact.name, language=language)


async def _organization(tx: Transaction, request: Request, user: User, office: OnboardingOffice) -> Organization:
    if request.organization_id is None:
        return await organizations.open_organization(tx, request.form.registration.legal_name, user.id, is_test=False)
    organization = await organization_repository.find_organization(tx, request.organization_id)
    if organization is None:
        raise NotToBeDecided
    # It must not be deleted at this very moment.
    await organization_repository.hold(tx, organization)
    if await organization_repository.find_membership(tx, organization.id, user.id) is None:
        invitee = invitations.Invitee(user.email, request.form.contact_role, office.invitation_ttl)
        await invitations.invite(tx, organization, invitee, office.post_office, invited_by=request.filed_by)
    return organization


async def _register_certificate(
    tx: Transaction, organization: Organization, request: Request, approval: Approval, *, office: OnboardingOffice
) -> None:
    pem = approval.certificate_pem or request.form.certificate_pem
    field = "certificate_pem" if approval.certificate_pem else "form.certificate_pem"
    check_certificate(tx, pem, office, field=field)
    if pem is None:
        return
    try:
        await certificates.register_for_organization(tx, organization.id, pem, office.certificate_anchors)
    except CertificateRegisteredAlready:
        return  # by the organization itself, in the meantime
