"""What identity states anew for those who are new or have missed what happened: every kind of thing that it has announced.

What has ended is stated too, as far as a trace of it is kept. Sessions, passwords and warnings are no things: none is stated.
"""

from collections.abc import Iterable, Sequence

from chassis.messages import Event
from chassis.mongo import Document, Reader
from chassis.republishing import Kind, Statement, each
from services.identity.accounts.repository import to_user
from services.identity.applications.repository import find_client_ids, to_application
from services.identity.certificates.repository import to_certificate
from services.identity.client_keys.repository import to_client_key
from services.identity.data_exchanges.repository import to_data_exchange
from services.identity.events import (
    ClientKeyRemoved,
    MemberSuspended,
    OrganizationDeleted,
    PlatformRoleGranted,
    RolesDescribed,
    UserRegistered,
)
from services.identity.files.repository import to_file
from services.identity.findings.repository import to_examination
from services.identity.invitations.domain import PENDING
from services.identity.invitations.repository import to_invitation
from services.identity.onboarding.domain import Request, Status
from services.identity.onboarding.events import (
    OnboardingApproved,
    OnboardingRejected,
    OnboardingReturned,
    OnboardingSubmitted,
    OnboardingWithdrawn,
)
from services.identity.onboarding.repository import to_request
from services.identity.organizations.domain import Membership
from services.identity.organizations.repository import find_organizations, to_membership, to_organization
from services.identity.tokens.repository import to_revocation


def _of(organization_id: str | None, subject: str, *facts: Event) -> Statement:
    """Return a statement for an organization alone, where there is one."""
    return Statement(subject, facts, organization_id, () if organization_id is None else (organization_id,))


def _users(row: Document) -> Iterable[Statement]:
    user, facts = to_user(row), [UserRegistered(user_id=row["_id"])]
    sealed = row.get("announced_address")
    reachable = () if sealed is None else (user.reachable(sealed, is_named_operator=row["announced_as_named"]),)
    yield Statement(user.id, (*facts, *reachable))


def _tables(row: Document) -> Iterable[Statement]:
    yield Statement(row["_id"], (RolesDescribed(actions_by_role=row["table"]),))


def _platform_roles(row: Document) -> Iterable[Statement]:
    user = to_user(row)
    for role in user.granted_roles:
        yield Statement(user.id, (PlatformRoleGranted(user_id=user.id, role=role),))


def _organizations(row: Document) -> Iterable[Statement]:
    organization = to_organization(row)
    ended = () if row.get("deleted_at") is None else (OrganizationDeleted(organization_id=organization.id),)
    yield _of(organization.id, organization.id, organization.created(), *ended)


async def _members(reader: Reader, rows: Sequence[Document]) -> list[Statement]:
    memberships = [to_membership(row) for row in rows]
    living = await find_organizations(reader, {membership.organization_id for membership in memberships})
    return [
        _of(organization.id, organization.id, membership.joined(organization), *_suspended(membership))
        for membership in memberships
        if (organization := living.get(membership.organization_id)) is not None
    ]


def _suspended(membership: Membership) -> tuple[Event, ...]:
    if membership.suspended_at is None:
        return ()
    return (MemberSuspended(organization_id=membership.organization_id, user_id=membership.user_id),)


def _invitations(row: Document) -> Iterable[Statement]:
    invitation = to_invitation(row)
    yield _of(invitation.organization_id, invitation.id, invitation.send())


def _applications(row: Document) -> Iterable[Statement]:
    application = to_application(row)
    ended = () if row["is_live"] else (application.delete(),)
    yield _of(application.organization_id, application.id, application.created(), *ended)


def _secrets(row: Document) -> Iterable[Statement]:
    application = to_application(row)
    for secret in application.secrets:
        told = application.issued(secret) if secret.retired_at is None else application.retired(secret)
        yield _of(application.organization_id, application.id, told)


async def _client_keys(reader: Reader, rows: Sequence[Document]) -> list[Statement]:
    client_ids = await find_client_ids(reader, {row["application_id"] for row in rows})
    return [
        _of(row["organization_id"], row["application_id"], _client_key(row, client_ids[row["application_id"]]))
        for row in rows
        if row["application_id"] in client_ids
    ]


def _client_key(row: Document, client_id: str) -> Event:
    key = to_client_key(row)
    if row["is_live"]:
        return key.registered(client_id)
    return ClientKeyRemoved(
        application_id=key.application_id, organization_id=key.organization_id, client_id=client_id, key_id=key.id
    )


def _certificates(row: Document) -> Iterable[Statement]:
    certificate = to_certificate(row)
    _, registered = certificate.registered()
    ended: tuple[Event, ...] = ()
    if certificate.revoked_at is not None:
        ended = (certificate.revoke(certificate.revoked_at, certificate.revocation_reason)[1],)
    elif certificate.suspended_at is not None:
        ended = (certificate.suspend(certificate.suspended_at)[1],)
    yield _of(certificate.organization_id, certificate.id, registered, *ended)


def _revoked_tokens(row: Document) -> Iterable[Statement]:
    fact = to_revocation(row)
    yield _of(fact.organization_id, fact.token_id, fact)


def _onboarding_requests(row: Document) -> Iterable[Statement]:
    request = to_request(row)
    yield _of(request.organization_id, request.id, _stands(request))


def _stands(request: Request) -> Event:
    whose = {"request_id": request.id, "organization_id": request.organization_id}
    match request.status:
        case Status.RETURNED:
            return OnboardingReturned(**whose)
        case Status.REJECTED:
            return OnboardingRejected(**whose)
        case Status.WITHDRAWN:
            return OnboardingWithdrawn(**whose)
        case Status.APPROVED:
            return OnboardingApproved(
                request_id=request.id, organization_id=str(request.organization_id), number=str(request.number)
            )
        case _:
            return OnboardingSubmitted(**whose, channel=request.channel)


def _data_exchanges(row: Document) -> Iterable[Statement]:
    data_exchange = to_data_exchange(row)
    yield _of(data_exchange.organization_id, data_exchange.organization_id, data_exchange.assigned())


def _files(row: Document) -> Iterable[Statement]:
    file = to_file(row)
    yield Statement(file.id, (file.kept(),))


def _findings(row: Document) -> Iterable[Statement]:
    examination = to_examination(row)
    fact = examination.judged()
    if fact is not None:
        yield Statement(examination.file_id, (fact,), examination.organization_id, examination.audience)


KINDS = (
    Kind("user", "users", each(_users)),
    Kind("platform_role", "users", each(_platform_roles), {"granted_roles.0": {"$exists": True}}),
    Kind("role_table", "announced_tables", each(_tables)),
    Kind("organization", "organizations", each(_organizations)),
    Kind("member", "memberships", _members),
    Kind("invitation", "invitations", each(_invitations), {"state": PENDING}),
    Kind("application", "applications", each(_applications)),
    Kind("secret", "applications", each(_secrets), {"is_live": True}),
    Kind("client_key", "client_keys", _client_keys),
    Kind("certificate", "certificates", each(_certificates)),
    Kind("revoked_token", "revoked_tokens", each(_revoked_tokens), {"application_id": {"$exists": True}}),
    Kind("onboarding_request", "onboarding_requests", each(_onboarding_requests), {"status": {"$ne": Status.DRAFT.value}}),
    Kind("data_exchange", "data_exchanges", each(_data_exchanges)),
    Kind("file", "files", each(_files), {"state": "KEPT"}),
    Kind("finding", "findings", each(_findings), {"judged_at": {"$ne": None}}),
)
