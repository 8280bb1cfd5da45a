"""The chain that a call hangs on, link by link: the one definition from which it is decided and from which it is explained.

The links are judged in this order, and the first that fails is why the call is refused. A link that rests on something
that is not there cannot be judged. How often is asked last, where everything else holds: see ``domain``.
"""

from collections.abc import Iterator
from enum import StrEnum
from typing import NamedTuple

from chassis.errors import Refusal, Unauthenticated
from services.enforcement.checks.case import Case, scope_form, shown_thumbprint
from services.enforcement.checks.refusals import (
    ApiNotFound,
    ApplicationUnknown,
    CertificateNotShown,
    CertificateRevoked,
    CertificateSuspended,
    ClientKeyRemoved,
    MethodNotAllowed,
    NotSubscribed,
    OperationNotFound,
    OperationNotPermitted,
    ScopeNotGranted,
    SecretRetired,
    SubscriptionSuspended,
    TokenRevoked,
    VersionRetired,
)
from services.enforcement.epochs.domain import EnforcementNotFresh
from services.enforcement.state.copies import CERTIFICATE, CLIENT_KEY, SECRET, SUSPENDED_CERTIFICATE, TOKEN
from services.enforcement.state.matching import Operation
from services.enforcement.state.permits import permits_for
from services.enforcement.state.versions import Version
from services.enforcement.state.world import Application, World

AGREEMENT = "AGREEMENT"
"""What a subscription is held by while an agreement that its product asks for does not stand."""

WITHDRAWN: dict[str, type[Unauthenticated]] = {
    SECRET: SecretRetired,
    CLIENT_KEY: ClientKeyRemoved,
    CERTIFICATE: CertificateRevoked,
    SUSPENDED_CERTIFICATE: CertificateSuspended,
    TOKEN: TokenRevoked,
}


class Link(StrEnum):
    """What a call hangs on, in the order in which it is judged."""

    CREDENTIAL = "CREDENTIAL"
    APPLICATION = "APPLICATION"
    ORGANIZATION = "ORGANIZATION"
    VERSION = "VERSION"
    OPERATION = "OPERATION"
    SCOPE = "SCOPE"
    AGREEMENT = "AGREEMENT"
    SUBSCRIPTION = "SUBSCRIPTION"
    PERMISSION = "PERMISSION"
    FRESHNESS = "FRESHNESS"
    PERMISSION_QUOTA = "PERMISSION_QUOTA"
    QUOTA = "QUOTA"
    RATE = "RATE"


class Fault(NamedTuple):
    """A link that does not hold, and why."""

    link: Link
    refusal: type[Refusal]
    detail: str = ""
    causes: tuple[str, ...] = ()
    wait_ns: int = 0
    """For how long it stays so, where time alone mends it."""


_BY_KIND = {kind: Fault(Link.CREDENTIAL, refusal) for kind, refusal in WITHDRAWN.items()}
_CERTIFICATE_NOT_SHOWN = Fault(Link.CREDENTIAL, CertificateNotShown)
_NO_APPLICATION = Fault(Link.APPLICATION, ApplicationUnknown)
_NO_ORGANIZATION = Fault(Link.ORGANIZATION, ApplicationUnknown)
_NO_API = Fault(Link.VERSION, ApiNotFound)
_RETIRED = Fault(Link.VERSION, VersionRetired)
_NO_METHOD = Fault(Link.OPERATION, MethodNotAllowed)
_NO_OPERATION = Fault(Link.OPERATION, OperationNotFound)
_OUT_OF_SCOPE = Fault(Link.SCOPE, ScopeNotGranted)
_NOT_SUBSCRIBED = Fault(Link.SUBSCRIPTION, NotSubscribed)
_NOT_PERMITTED = Fault(Link.PERMISSION, OperationNotPermitted)
_NOT_FRESH = Fault(Link.FRESHNESS, EnforcementNotFresh)


def faults(case: Case) -> Iterator[Fault]:  # noqa: C901, PLR0912 - one link after the other
    """Yield the links that do not hold, in their order; those that rest on what is not there are passed over.

    It is lazy: whoever decides takes the first, and where there is none everything has been judged.
    """
    application, version, operation = case.application, case.version, case.match.operation
    credentials = case.credentials
    if credentials is None:
        yield _rejected(case)
    elif (withdrawn := case.world.withdrawn_among(credentials.marks)) is not None:
        yield _BY_KIND[withdrawn]
    elif credentials.thumbprint is not None and credentials.thumbprint != shown_thumbprint(case.certificate):
        yield _CERTIFICATE_NOT_SHOWN
    if application is not None:
        if application.is_deleted:
            yield _NO_ORGANIZATION if application.is_orphaned else _NO_APPLICATION
    elif credentials is not None:
        yield _NO_APPLICATION
    if version is None:
        yield _NO_API
        return
    if version.life.is_retired:
        yield _RETIRED
    lease = case.find_lease()
    if operation is None:
        yield _NO_METHOD if case.match.methods else _NO_OPERATION
    elif credentials is not None and credentials.scope is not None and not _is_within(credentials.scope, version, operation):
        yield _OUT_OF_SCOPE
    if lease is not None:
        permits = lease.permits
    elif application is not None:
        yield _without_right(case.world, application, version)
        permits = case.world.permitted(application.id, version.product_id)
    else:
        return
    if permits is not None and operation is not None:
        case.covering = tuple(permits_for(permits, operation.id, case.now.wall_ns))
        if not case.covering:
            yield _NOT_PERMITTED
    if not (case.is_fresh or case.world.stays_open(version.product_id)):
        yield _NOT_FRESH


def _rejected(case: Case) -> Fault:
    assert case.rejected is not None
    return Fault(Link.CREDENTIAL, case.rejected.refusal, case.rejected.detail)


def _is_within(scope: frozenset[str], version: Version, operation: Operation) -> bool:
    return version.product_slug in scope or f"{version.product_slug}:{scope_form(operation.id)}" in scope


def _without_right(world: World, application: Application, version: Version) -> Fault:
    causes = world.suspended_for(application.id, version.product_id)
    if causes is None:
        return _NOT_SUBSCRIBED
    link = Link.AGREEMENT if AGREEMENT in causes else Link.SUBSCRIPTION
    detail = f"{SubscriptionSuspended.default_message()} Held by: {', '.join(causes) or 'unknown'}."
    return Fault(link, SubscriptionSuspended, detail, causes)
