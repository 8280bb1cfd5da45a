"""What a call hangs on, told link by link: which links hold, which do not, why, and who can mend them.

It is told from the very chain that decides, so the first link that fails is why the call is refused. Links behind it are told
too, as far as they can be judged: whoever mends the first wants to know of the second.
"""

from dataclasses import dataclass
from enum import StrEnum

from services.enforcement.checks.case import Case, Credentials, Now, Rejected
from services.enforcement.checks.chain import AGREEMENT, WITHDRAWN, Fault, Link, faults
from services.enforcement.checks.domain import Decided, limit_faults, whole_seconds
from services.enforcement.checks.refusals import NotSubscribed
from services.enforcement.explaining.mending import Mender, menders_of
from services.enforcement.state.matching import Match
from services.enforcement.state.world import Application, Version, World

_NANOSECONDS = 1_000_000_000
_EVER = float("inf")


class Outcome(StrEnum):
    """How a link stands. NOT_REACHED: it rests on something that is not there, so nobody can say."""

    HOLDS = "HOLDS"
    FAILS = "FAILS"
    NOT_NEEDED = "NOT_NEEDED"
    NOT_REACHED = "NOT_REACHED"


@dataclass(frozen=True, slots=True)
class Told:
    """One link as it stands; ``until`` (seconds since 1970) is when it holds again by itself."""

    link: Link
    outcome: Outcome
    code: str | None = None
    message: str | None = None
    causes: tuple[str, ...] = ()
    menders: tuple[Mender, ...] = ()
    until: int | None = None


@dataclass(frozen=True, slots=True)
class Explanation:
    """The whole chain of one call, and what was called by whom, as far as it is known."""

    at_ns: int
    links: tuple[Told, ...]
    application_id: str | None = None
    organization_id: str | None = None
    product_id: str | None = None
    provider_id: str | None = None
    version_id: str | None = None
    operation_id: str | None = None
    subscription_id: str | None = None
    plan_id: str | None = None
    request_id: str | None = None

    @property
    def code(self) -> str | None:
        """Return why the call is refused, or None where it passes."""
        return next((each.code for each in self.links if each.outcome is Outcome.FAILS), None)


@dataclass(frozen=True, slots=True)
class Question:
    """Whether an application may call an operation of a product, in the version named or in the one that serves it best."""

    application_id: str
    product_id: str
    operation_id: str
    version_id: str | None = None


def answer(world: World, question: Question, now: Now) -> Explanation | None:
    """Return how the chain stands for a question; None where application or product have not been heard of."""
    application, product = world.application(question.application_id), world.product(question.product_id)
    if application is None or product is None:
        return None
    case = Case(world, None, _credentials(world, application), now)
    case.application = application
    case.version = _version(world, question)
    if case.version is not None:
        case.match = Match(case.version.matcher.named(question.operation_id))
    return _told(case, product.id)


def explanation_of(world: World, refused: Decided) -> Explanation:
    """Return the chain of a call that was just refused; what was decided about its limits stands."""
    case = Case(world, refused.asked, refused.credentials, refused.now)
    case.application = caller_of(world, refused)
    product_id = None if case.version is None else case.version.product_id
    return _told(case, product_id, refused)


def caller_of(world: World, decided: Decided) -> Application | None:
    """Return whose call it was, as far as its token tells: also of an application that is gone, or a token that has expired."""
    client_id = decided.credentials.client_id
    return None if client_id is None else world.application_of(client_id)


def _credentials(world: World, application: Application) -> Credentials | Rejected:
    """Return what a token would say that the application got now with what it has."""
    issued = world.issued.to(application.id, application.organization_id)
    if not issued or any(world.withdrawn_among((each,)) is None for each in issued):
        # Every application gets a secret with its beginning: if none has been heard of, its announcement is under way.
        return Credentials(application.client_id, None, _EVER)
    kind = world.withdrawn_among(issued[::-1])
    assert kind is not None
    return Rejected(WITHDRAWN[kind])


def _version(world: World, question: Question) -> Version | None:
    versions = world.versions_of(question.product_id)
    if question.version_id is not None:
        return next((each for each in versions if each.id == question.version_id), None)
    newest_first = reversed(versions)
    ranked = sorted(newest_first, key=lambda each: (each.matcher.named(question.operation_id) is None, each.life.is_retired))
    return ranked[0] if ranked else None


def _told(case: Case, product_id: str | None, refused: Decided | None = None) -> Explanation:
    found = [*faults(case), *limit_faults(case)]
    if refused is not None:
        found += _decided(refused, found)
    by_link = _by_link(found)
    application, lease = case.application, case.lease
    product = None if product_id is None else case.world.product(product_id)
    return Explanation(
        at_ns=case.now.wall_ns,
        links=tuple(_link(case, link, by_link.get(link)) for link in Link),
        application_id=None if application is None else application.id,
        organization_id=None if application is None else application.organization_id,
        product_id=product_id,
        provider_id=None if product is None else product.organization_id,
        version_id=None if case.version is None else case.version.id,
        operation_id=None if case.match.operation is None else case.match.operation.id,
        subscription_id=None if lease is None else lease.subscription_id,
        plan_id=None if lease is None else lease.plan_id,
        request_id=None if refused is None else refused.request_id,
    )


def _decided(refused: Decided, found: list[Fault]) -> list[Fault]:
    """Return the limit that the decision was made by, where looking at it a moment later does not show it."""
    verdict = refused.verdict
    link = _LIMITS.get(verdict.refusal.code) if verdict.refusal is not None else None
    if link is None or verdict.refusal is None or any(each.link is link for each in found):
        return []
    return [Fault(link, verdict.refusal, wait_ns=0 if verdict.taken is None else verdict.taken.wait_ns)]


_LIMITS = {
    "PERMISSION_QUOTA_EXCEEDED": Link.PERMISSION_QUOTA,
    "QUOTA_EXCEEDED": Link.QUOTA,
    "RATE_EXCEEDED": Link.RATE,
}


def _by_link(found: list[Fault]) -> dict[Link, Fault]:
    by_link = {each.link: each for each in found}
    fault = by_link.get(Link.AGREEMENT)
    if fault is not None and set(fault.causes) != {AGREEMENT}:
        # Something else holds the subscription, too.
        by_link[Link.SUBSCRIPTION] = fault._replace(link=Link.SUBSCRIPTION)
    return by_link


def _link(case: Case, link: Link, fault: Fault | None) -> Told:
    if fault is None:
        return Told(link, _OUTCOMES[link](case))
    version, application = case.version, case.application
    is_pending = application is not None and version is not None and case.world.is_pending(application.id, version.product_id)
    until = None if not fault.wait_ns else whole_seconds(case.now.wall_ns + fault.wait_ns)
    message = fault.detail or fault.refusal.default_message()
    if is_pending and fault.refusal is NotSubscribed:
        message = f"{message} One waits for the provider's approval."
    menders = menders_of(fault, is_pending=is_pending)
    return Told(link, Outcome.FAILS, fault.refusal.code, message, fault.causes, menders, until)


def _always(_case: Case) -> Outcome:
    return Outcome.HOLDS


def _of_application(case: Case) -> Outcome:
    return Outcome.NOT_REACHED if case.application is None else Outcome.HOLDS


def _of_operation(case: Case) -> Outcome:
    return Outcome.NOT_REACHED if case.version is None else Outcome.HOLDS


def _of_scope(case: Case) -> Outcome:
    if case.credentials is not None and case.credentials.scope is None:
        return Outcome.NOT_NEEDED
    return Outcome.NOT_REACHED if case.credentials is None or case.match.operation is None else Outcome.HOLDS


def _of_agreement(case: Case) -> Outcome:
    application, version = case.application, case.version
    product = None if version is None else case.world.product(version.product_id)
    if product is None or application is None:
        return Outcome.NOT_REACHED
    if not product.needs_agreement:
        return Outcome.NOT_NEEDED
    # Nobody is subscribed without the agreement, and the subscription is held where it ends.
    is_subscribed = case.lease is not None or case.world.suspended_for(application.id, product.id) is not None
    return Outcome.HOLDS if is_subscribed else Outcome.NOT_REACHED


def _of_subscription(case: Case) -> Outcome:
    if case.lease is None:
        return Outcome.NOT_REACHED
    return Outcome.NOT_NEEDED if case.lease.subscription_id is None else Outcome.HOLDS


def _of_permission(case: Case) -> Outcome:
    product = None if case.version is None else case.world.product(case.version.product_id)
    if product is not None and not product.needs_permission:
        return Outcome.NOT_NEEDED
    if case.lease is not None and case.lease.subscription_id is None:
        return Outcome.NOT_NEEDED
    return Outcome.NOT_REACHED if case.permit is None else Outcome.HOLDS


def _of_permission_quota(case: Case) -> Outcome:
    if case.permit is None:
        return _of_permission(case)
    return Outcome.NOT_NEEDED if case.permit.counter is None else Outcome.HOLDS


def _of_quota(case: Case) -> Outcome:
    if case.lease is None:
        return Outcome.NOT_REACHED
    return Outcome.NOT_NEEDED if case.lease.quota is None else Outcome.HOLDS


def _of_rate(case: Case) -> Outcome:
    return Outcome.NOT_REACHED if case.lease is None else Outcome.HOLDS


_OUTCOMES = {
    Link.CREDENTIAL: _always,
    Link.APPLICATION: _of_application,
    Link.ORGANIZATION: _of_application,
    Link.VERSION: _always,
    Link.OPERATION: _of_operation,
    Link.SCOPE: _of_scope,
    Link.AGREEMENT: _of_agreement,
    Link.SUBSCRIPTION: _of_subscription,
    Link.PERMISSION: _of_permission,
    Link.PERMISSION_QUOTA: _of_permission_quota,
    Link.QUOTA: _of_quota,
    Link.RATE: _of_rate,
}
