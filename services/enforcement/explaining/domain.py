"""What a call hangs on, told link by link: which links hold, which do not, why, and who can mend them.

It is told from the very chain that decides, so the first link that fails is why the call is refused. Links behind it are told
too, as far as they can be judged: whoever mends the first wants to know of the second.
"""

import re
from dataclasses import dataclass, replace
from enum import StrEnum

from services.enforcement.checks.case import Case, Credentials, Now, Rejected
from services.enforcement.checks.chain import AGREEMENT, WITHDRAWN, Fault, Link, faults
from services.enforcement.checks.domain import Decided, whole_seconds
from services.enforcement.checks.refusals import NotSubscribed
from services.enforcement.epochs.domain import EnforcementNotFresh
from services.enforcement.explaining.limits import NOTHING_KEPT, Standing, as_of_of, is_rate_unknown, limit_faults
from services.enforcement.explaining.mending import Mender, menders_of
from services.enforcement.state.matching import Match
from services.enforcement.state.upstreams import PRODUCTION
from services.enforcement.state.versions import Version
from services.enforcement.state.world import Application, World

_NANOSECONDS = 1_000_000_000
_EVER = float("inf")
_AS_CALLED = re.compile(r"(?P<method>[A-Z]+) (?P<path>/[^?#\s]*)(?:\?\S*)?")


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
    as_of_ns: int | None = None
    """Of a limit that another instance counts: of which moment this is told."""


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
    environment: str = PRODUCTION
    epoch: int | None = None
    """Up to which epoch the instance that tells this had applied everything."""

    @property
    def code(self) -> str | None:
        """Return why the call is refused, or None where it passes."""
        return next((each.code for each in self.links if each.outcome is Outcome.FAILS), None)


@dataclass(frozen=True, slots=True)
class Question:
    """Whether an application may call an operation of a product, in the version named or in the one that serves it best.

    An operation is named by its id or as it is called: ``GET /addresses/1``, with the base path or without.
    """

    application_id: str
    product_id: str
    operation: str
    version_id: str | None = None
    environment: str = PRODUCTION


def case_of(world: World, question: Question, now: Now, *, is_fresh: bool = True) -> Case | None:
    """Return the case of a question, judged but for its limits; None where application or product have not been heard of."""
    application, product = world.application(question.application_id), world.product(question.product_id)
    if application is None or product is None:
        return None
    case = Case(world, None, _credentials(world, application), now, is_fresh=is_fresh)
    case.application = application
    case.version = _version(world, question)
    if case.version is not None:
        case.match = _match(case.version, question.operation)
    for _ in faults(case):
        pass  # what is found on the way is in the case
    return case


def answer(case: Case, question: Question, standing: Standing = NOTHING_KEPT) -> Explanation:
    """Return how the chain stands for a question; ``standing`` is what is kept of limits that are counted elsewhere."""
    return replace(_told(case, question.product_id, standing), environment=question.environment)


def explanation_of(world: World, refused: Decided) -> Explanation:
    """Return the chain of a call that was just refused; what was decided about its limits stands."""
    is_fresh = refused.verdict.refusal is not EnforcementNotFresh
    case = Case(world, refused.asked, refused.credentials, refused.now, is_fresh=is_fresh)
    case.application = caller_of(world, refused)
    product_id = None if case.version is None else case.version.product_id
    return replace(_told(case, product_id, NOTHING_KEPT, refused), environment=refused.asked.environment)


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


def _match(version: Version, operation: str) -> Match:
    named = version.matcher.named(operation)
    called = _AS_CALLED.fullmatch(operation)
    if named is not None or called is None:
        return Match(named)
    path = called["path"]
    return version.matcher.find(called["method"], path.removeprefix(version.base_path) if _is_below(path, version) else path)


def _is_below(path: str, version: Version) -> bool:
    return path.startswith(f"{version.base_path}/")


def _version(world: World, question: Question) -> Version | None:
    versions = world.versions_of(question.product_id)
    if question.version_id is not None:
        return next((each for each in versions if each.id == question.version_id), None)
    newest_first = reversed(versions)
    ranked = sorted(newest_first, key=lambda each: (_match(each, question.operation).operation is None, each.life.is_retired))
    return ranked[0] if ranked else None


def _told(case: Case, product_id: str | None, standing: Standing, refused: Decided | None = None) -> Explanation:
    found = list(faults(case))
    found += limit_faults(case, standing) if refused is None else _limits_then(case, refused)
    by_link = _by_link(found)
    unknown = {Link.RATE} if is_rate_unknown(case, standing) else set()
    refused_by = None if refused is None or refused.verdict.refusal is None else _LIMIT_OF.get(refused.verdict.refusal.code)
    if refused_by is not None:
        # What comes behind the limit that refused the call was not asked any more.
        unknown |= set(_LIMITS[_LIMITS.index(refused_by) + 1 :])
    application, lease = case.application, case.lease
    product = None if product_id is None else case.world.product(product_id)
    return Explanation(
        at_ns=case.now.wall_ns,
        links=tuple(
            replace(_link(case, link, by_link.get(link), unknown=unknown), as_of_ns=as_of_of(case, link)) for link in Link
        ),
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


def _limits_then(case: Case, refused: Decided) -> list[Fault]:
    """Return the limit by which the call was refused: what was decided stands, however it looks a moment later."""
    verdict = refused.verdict
    link = None if verdict.refusal is None else _LIMIT_OF.get(verdict.refusal.code)
    if link is None or verdict.refusal is None:
        return list(limit_faults(case, NOTHING_KEPT))
    decided = Fault(link, verdict.refusal, wait_ns=0 if verdict.taken is None else verdict.taken.wait_ns)
    behind = _LIMITS[_LIMITS.index(link) + 1 :]
    return [decided, *(each for each in limit_faults(case, NOTHING_KEPT) if each.link in behind)]


_LIMITS = (Link.PERMISSION_QUOTA, Link.QUOTA, Link.RATE)
_LIMIT_OF = {
    "PERMISSION_QUOTA_EXCEEDED": Link.PERMISSION_QUOTA,
    "QUOTA_EXCEEDED": Link.QUOTA,
    "RATE_EXCEEDED": Link.RATE,
    "CALL_NOT_COUNTED": Link.RATE,
}


def _by_link(found: list[Fault]) -> dict[Link, Fault]:
    by_link = {each.link: each for each in found}
    fault = by_link.get(Link.AGREEMENT)
    if fault is not None and set(fault.causes) != {AGREEMENT}:
        # Something else holds the subscription, too.
        by_link[Link.SUBSCRIPTION] = fault._replace(link=Link.SUBSCRIPTION)
    return by_link


def _link(case: Case, link: Link, fault: Fault | None, *, unknown: set[Link]) -> Told:
    if fault is None:
        outcome = _OUTCOMES[link](case)
        is_unknown = link in unknown and outcome is Outcome.HOLDS
        return Told(link, Outcome.NOT_REACHED if is_unknown else outcome)
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
    return Outcome.HOLDS if case.covering else Outcome.NOT_REACHED


def _of_freshness(case: Case) -> Outcome:
    is_asked = case.version is None or not case.world.stays_open(case.version.product_id)
    return Outcome.HOLDS if is_asked else Outcome.NOT_NEEDED


def _of_permission_quota(case: Case) -> Outcome:
    outcome = _of_permission(case)
    if outcome is not Outcome.HOLDS or case.lease is None:
        return Outcome.NOT_NEEDED if outcome is Outcome.NOT_NEEDED else Outcome.NOT_REACHED
    has_quota = all(each.granted.quota is not None for each in case.covering)
    return Outcome.HOLDS if has_quota else Outcome.NOT_NEEDED


def _of_quota(case: Case) -> Outcome:
    if case.lease is None:
        return Outcome.NOT_REACHED
    return Outcome.NOT_NEEDED if case.lease.claim.allowance.quota is None else Outcome.HOLDS


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
    Link.FRESHNESS: _of_freshness,
    Link.PERMISSION_QUOTA: _of_permission_quota,
    Link.QUOTA: _of_quota,
    Link.RATE: _of_rate,
}
