"""What subscriptions states anew for those who are new or have missed what happened: every kind of thing it has announced."""

from collections.abc import Iterable, Mapping

from chassis.messages import Event
from chassis.mongo import Document
from chassis.republishing import Kind, Statement, each
from services.subscriptions import events
from services.subscriptions.agreements.domain import Agreement, Party
from services.subscriptions.agreements.domain import Status as AgreementStatus
from services.subscriptions.agreements.repository import AGREEMENTS, to_agreement
from services.subscriptions.approvals.domain import Step, StepStatus
from services.subscriptions.approvals.repository import STEPS, to_step
from services.subscriptions.connections.domain import Request
from services.subscriptions.connections.domain import Status as RequestStatus
from services.subscriptions.connections.repository import REQUESTS, to_request
from services.subscriptions.permissions.domain import Deed
from services.subscriptions.permissions.domain import Status as PermissionStatus
from services.subscriptions.permissions.repository import PERMISSIONS, to_permission
from services.subscriptions.subscriptions.domain import Status, Subscription
from services.subscriptions.subscriptions.repository import SUBSCRIPTIONS, to_subscription

_PERMISSION_FACTS: Mapping[PermissionStatus, type[Event]] = {
    PermissionStatus.REQUESTED: events.PermissionRequested,
    PermissionStatus.RETURNED: events.PermissionReturned,
    PermissionStatus.GRANTED: events.PermissionGranted,
    PermissionStatus.REFUSED: events.PermissionRefused,
    PermissionStatus.REVOKED: events.PermissionRevoked,
    PermissionStatus.LAPSED: events.PermissionLapsed,
    PermissionStatus.WITHDRAWN: events.PermissionWithdrawn,
}
_REQUEST_FACTS: Mapping[RequestStatus, type[Event]] = {
    RequestStatus.RETURNED: events.ConnectionReturned,
    RequestStatus.COMPLETED: events.ConnectionCompleted,
    RequestStatus.REJECTED: events.ConnectionRejected,
    RequestStatus.WITHDRAWN: events.ConnectionWithdrawn,
}


def _between(thing: Subscription | Request | Agreement | Step, *facts: Event) -> Statement:
    """Return a statement for both sides."""
    both_sides = tuple(dict.fromkeys([thing.organization_id, thing.provider_id]))
    return Statement(thing.id, facts, thing.organization_id, both_sides)


def _subscriptions(row: Document) -> Iterable[Statement]:
    subscription = to_subscription(row)
    told = subscription.told()
    fact: Event
    match subscription.status:
        case Status.PENDING:
            fact = events.SubscriptionRequested(**told)
        case Status.ACTIVE:
            fact = events.SubscriptionActivated(**told)
        case Status.SUSPENDED:
            fact = events.SubscriptionSuspended(**told, causes=subscription.causes)
        case Status.REJECTED:
            fact = events.SubscriptionRejected(**told)
        case Status.CANCELLED:
            fact = events.SubscriptionCancelled(**told)
    yield _between(subscription, fact)


def _permissions(row: Document) -> Iterable[Statement]:
    permission = to_permission(row)
    fact = _PERMISSION_FACTS[permission.status]
    # What was granted ahead and has begun is told as such: its beginning is not asked of another clock.
    if permission.status is PermissionStatus.GRANTED and any(change.deed is Deed.BEGAN for change in permission.history):
        fact = events.PermissionBegan
    both_sides = tuple(dict.fromkeys([permission.organization_id, permission.provider_id]))
    yield Statement(permission.id, (fact(**permission.told()),), permission.organization_id, both_sides)


def _requests(row: Document) -> Iterable[Statement]:
    request = to_request(row)
    fact = _REQUEST_FACTS.get(request.status)
    if fact is None:
        yield _between(request, events.ConnectionRequested(**request.tells(), round=request.round_))
    else:
        reason = request.acts[-1].reason if request.acts else None
        yield _between(request, fact(**request.tells(reason)))


def _representatives(row: Document) -> Iterable[Statement]:
    request = to_request(row)
    yield _between(request, events.RepresentativeAssigned(**request.tells()))


def _steps(row: Document) -> Iterable[Statement]:
    step = to_step(row)
    if step.status is StepStatus.OPEN:
        yield _between(step, events.ApprovalStepOpened(**step.tells()))
    elif step.decisions:
        last = step.decisions[-1]
        told = {**step.tells(), "reason": last.reason}
        yield _between(
            step,
            events.ApprovalStepDecided(**told, decision=last.verdict, decided_by=last.by, evidence_file_id=last.file_id),
        )


def _substitutes(row: Document) -> Iterable[Statement]:
    step = to_step(row)
    for user_id in step.substitutes:
        yield _between(step, events.ApproverSubstituted(**step.tells(), user_id=user_id))


def _agreements(row: Document) -> Iterable[Statement]:
    agreement = to_agreement(row)
    yield _between(agreement, _agreement_fact(agreement))


def _agreement_fact(agreement: Agreement) -> Event:
    told = agreement.tells(agreement.changes[-1].reason if agreement.changes else None)
    recipients, providers = agreement.latest(Party.RECIPIENT), agreement.latest(Party.PROVIDER)
    match agreement.status:
        case AgreementStatus.ATTACHED if recipients is not None:
            return events.AgreementAttached(**told, file_id=recipients.file.id, party=Party.RECIPIENT)
        case AgreementStatus.COUNTERSIGNED if providers is not None:
            return events.AgreementCountersigned(**told, file_id=providers.file.id)
        case AgreementStatus.CONFIRMED:
            return events.AgreementConfirmed(**told)
        case AgreementStatus.RETURNED:
            return events.AgreementReturned(**told)
        case AgreementStatus.LAPSED:
            return events.AgreementLapsed(**told)
        case _:
            return events.AgreementRequested(**told, renews=agreement.renews)


KINDS = (
    Kind("subscription", SUBSCRIPTIONS, each(_subscriptions)),
    Kind("permission", PERMISSIONS, each(_permissions)),
    Kind("connection_request", REQUESTS, each(_requests), {"status": {"$ne": RequestStatus.DRAFT.value}}),
    Kind("representative", REQUESTS, each(_representatives), {"representative_id": {"$ne": None}}),
    Kind("approval_step", STEPS, each(_steps), {"status": {"$ne": StepStatus.WAITING.value}}),
    Kind("substitute", STEPS, each(_substitutes), {"substitutes.0": {"$exists": True}}),
    Kind("agreement", AGREEMENTS, each(_agreements)),
)
