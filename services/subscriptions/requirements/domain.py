"""What stands between somebody and a successful call of a product, step by step: derived anew each time, and never kept."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from chassis.messages import to_timestamp
from services.subscriptions.grounds.domain import Ground
from services.subscriptions.known.domain import Product
from services.subscriptions.permissions.domain import Permission
from services.subscriptions.permissions.domain import Status as Permitted


class Kind(StrEnum):
    """One step of the way, in the order in which it is gone."""

    SIGN_IN = "SIGN_IN"
    APPLICATION = "APPLICATION"
    ONBOARDING = "ONBOARDING"
    AGREEMENT = "AGREEMENT"
    PERMISSION = "PERMISSION"
    SUBSCRIPTION = "SUBSCRIPTION"
    APPROVAL = "APPROVAL"
    SUSPENSION = "SUSPENSION"
    CALL = "CALL"


class State(StrEnum):
    """How far a step is: done, to be taken, taken and waiting for somebody else, or taken and refused."""

    DONE = "DONE"
    OPEN = "OPEN"
    WAITING = "WAITING"
    REFUSED = "REFUSED"


class Awaited(StrEnum):
    """Who takes the next step."""

    VIEWER_ORGANIZATION = "VIEWER_ORGANIZATION"
    PROVIDER = "PROVIDER"
    OPERATOR = "OPERATOR"
    NOBODY = "NOBODY"


@dataclass(frozen=True, slots=True)
class Requirement:
    """One step: how far it is, who takes it with which verb, about which thing, and which guidance belongs to it."""

    kind: Kind
    state: State
    step: str
    waits_for: Awaited = Awaited.NOBODY
    verb: str | None = None
    thing_id: str | None = None
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class Asked:
    """About which product, for which application or organization of the viewer."""

    product_id: str
    application_id: str | None = None
    organization_id: str | None = None


@dataclass(frozen=True, slots=True)
class Hold:
    """What a subscription is suspended for."""

    cause: str
    reason: str | None


@dataclass(frozen=True, slots=True)
class Subscribed:
    """The application's subscription, as far as it matters here."""

    id: str
    status: str
    reason: str | None
    holds: tuple[Hold, ...] = ()


@dataclass(frozen=True, slots=True)
class Onboarding:
    """An onboarding request, as far as it was heard of."""

    id: str
    status: str


@dataclass(frozen=True, slots=True)
class Document:
    """A document of a connection that does not hold: where it stands, and from when on it will hold, if that lies ahead."""

    id: str
    status: str
    begins_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Connecting:
    """The newest connection request: its first document that does not hold, and whose approval is open, if any."""

    id: str
    status: str
    reason: str | None = None
    document: Document | None = None
    approval: tuple[str, str] | None = None
    """The step's id and its party."""


@dataclass(frozen=True, slots=True)
class Known:
    """Everything that is known about one question."""

    product: Product
    now: datetime
    is_signed_in: bool = True
    application_id: str | None = None
    has_application: bool = False
    number: str | None = None
    onboarding: Onboarding | None = None
    has_agreement: bool = False
    connecting: Connecting | None = None
    permission: Permission | None = None
    subscribed: Subscribed | None = None


_OWN = Awaited.VIEWER_ORGANIZATION
_HOLDERS = {"PROVIDER": Awaited.PROVIDER, "OPERATOR": Awaited.OPERATOR}


def requirements(known: Known) -> list[Requirement]:
    """Return the whole way, in its order; the first step that is not done is the next one."""
    way = [_sign_in(known), _application(known)]
    if not known.product.is_open_test:
        way += [_GROUNDS[ground](known) for ground in Ground if ground in known.product.prerequisites]
        way += _subscription(known)
    return [*way, Requirement(Kind.CALL, State.OPEN, _step(known, "A7", "B9"), _OWN, thing_id=known.product.id)]


def next_step(way: Sequence[Requirement]) -> Requirement | None:
    """Return the first step of the way that is not done."""
    return next((each for each in way if each.state is not State.DONE), None)


def _step(known: Known, with_grounds: str, without: str) -> str:
    """Return the step of the procedure that fits: with an onboarding or a permission before it, or without."""
    is_first = {Ground.ONBOARDING, Ground.PERMISSION} & known.product.prerequisites
    return with_grounds if is_first else without


def _sign_in(known: Known) -> Requirement:
    if known.is_signed_in:
        return Requirement(Kind.SIGN_IN, State.DONE, "B2")
    return Requirement(Kind.SIGN_IN, State.OPEN, "B2", _OWN, "signIn")


def _application(known: Known) -> Requirement:
    step = _step(known, "A5", "B6")
    if known.has_application:
        return Requirement(Kind.APPLICATION, State.DONE, step, thing_id=known.application_id)
    return Requirement(Kind.APPLICATION, State.OPEN, step, _OWN, "createApplication")


def _onboarding(known: Known) -> Requirement:
    request = known.onboarding
    if known.number is not None:
        return Requirement(Kind.ONBOARDING, State.DONE, "A3", thing_id=request.id if request else None)
    if request is not None and request.status in ("SUBMITTED", "APPROVED"):
        return Requirement(Kind.ONBOARDING, State.WAITING, "A3", Awaited.OPERATOR, "approveOnboardingRequest", request.id)
    if request is not None and request.status == "RETURNED":
        return Requirement(Kind.ONBOARDING, State.OPEN, "A3", _OWN, "changeOnboardingRequest", request.id)
    if request is not None and request.status == "REJECTED":
        return Requirement(Kind.ONBOARDING, State.REFUSED, "A3", _OWN, "draftOnboardingRequest", request.id)
    return Requirement(Kind.ONBOARDING, State.OPEN, "A3", _OWN, "draftOnboardingRequest")


def _agreement(known: Known) -> Requirement:
    connecting = known.connecting
    if known.has_agreement:
        return Requirement(Kind.AGREEMENT, State.DONE, "B5", thing_id=connecting.id if connecting else None)
    if connecting is None or connecting.status == "WITHDRAWN":
        return Requirement(Kind.AGREEMENT, State.OPEN, "B5", _OWN, "fileConnectionRequest")
    if connecting.status in _WITH_RECIPIENT:
        state, verb = _WITH_RECIPIENT[connecting.status]
        return Requirement(Kind.AGREEMENT, state, "B5", _OWN, verb, connecting.id, connecting.reason)
    if connecting.document is not None:
        return _document(connecting.document)
    return _decision(connecting)


def _document(document: Document) -> Requirement:
    if document.begins_at is not None:
        told = f"It is in force from {to_timestamp(document.begins_at)} on."
        return Requirement(Kind.AGREEMENT, State.WAITING, "B5", Awaited.NOBODY, None, document.id, told)
    awaited, verb = _DOCUMENTS.get(document.status, (_OWN, "renewAgreement"))
    return Requirement(Kind.AGREEMENT, _waiting_for(awaited), "B5", awaited, verb, document.id)


def _decision(connecting: Connecting) -> Requirement:
    if connecting.status == "FILED":
        return Requirement(Kind.AGREEMENT, State.WAITING, "B5", Awaited.OPERATOR, "takeConnectionRequest", connecting.id)
    if connecting.approval is not None:
        step_id, party = connecting.approval
        awaited = Awaited.PROVIDER if party == "PROVIDER" else Awaited.OPERATOR
        return Requirement(Kind.AGREEMENT, State.WAITING, "B5", awaited, "decideApprovalStep", step_id)
    return Requirement(Kind.AGREEMENT, State.WAITING, "B5", Awaited.OPERATOR, "completeConnectionRequest", connecting.id)


def _waiting_for(awaited: Awaited) -> State:
    return State.OPEN if awaited is _OWN else State.WAITING


_WITH_RECIPIENT = {
    "DRAFT": (State.OPEN, "submitConnectionRequest"),
    "RETURNED": (State.OPEN, "changeConnectionRequest"),
    "REJECTED": (State.REFUSED, "fileConnectionRequest"),
}
_DOCUMENTS = {
    "REQUESTED": (_OWN, "attachAgreement"),
    "RETURNED": (_OWN, "attachAgreement"),
    "ATTACHED": (Awaited.PROVIDER, "countersignAgreement"),
    "COUNTERSIGNED": (Awaited.OPERATOR, "confirmAgreement"),
}


def _permission(known: Known) -> Requirement:
    permission = known.permission
    if permission is None or permission.status is Permitted.WITHDRAWN:
        return Requirement(Kind.PERMISSION, State.OPEN, "A6", _OWN, "requestPermission")
    if permission.is_in_force(known.now):
        return Requirement(Kind.PERMISSION, State.DONE, "A6", thing_id=permission.id)
    begins = permission.begins_at
    if begins is not None:
        told = f"It is granted from {to_timestamp(begins)} on."
        return Requirement(Kind.PERMISSION, State.WAITING, "A6", Awaited.NOBODY, None, permission.id, told)
    state, awaited, verb = _NOT_IN_FORCE.get(permission.status, (State.OPEN, _OWN, "requestPermission"))
    told_last = None if permission.status is Permitted.REQUESTED else permission.reason
    return Requirement(Kind.PERMISSION, state, "A6", awaited, verb, permission.id, told_last)


_NOT_IN_FORCE = {
    Permitted.REQUESTED: (State.WAITING, Awaited.PROVIDER, "grantPermission"),
    Permitted.RETURNED: (State.OPEN, _OWN, "changePermissionRequest"),
    Permitted.REFUSED: (State.REFUSED, _OWN, "requestPermission"),
    Permitted.REVOKED: (State.REFUSED, _OWN, "requestPermission"),
}
_GROUNDS = {Ground.ONBOARDING: _onboarding, Ground.AGREEMENT: _agreement, Ground.PERMISSION: _permission}


def _subscription(known: Known) -> Iterator[Requirement]:
    subscribed, step = known.subscribed, _step(known, "A7", "B8")
    if subscribed is None or subscribed.status == "CANCELLED":
        yield Requirement(Kind.SUBSCRIPTION, State.OPEN, step, _OWN, "subscribe")
        return
    if subscribed.status == "REJECTED":
        yield Requirement(Kind.SUBSCRIPTION, State.REFUSED, step, _OWN, "subscribe", subscribed.id, subscribed.reason)
        return
    yield Requirement(Kind.SUBSCRIPTION, State.DONE, step, thing_id=subscribed.id)
    if subscribed.status == "PENDING":
        yield Requirement(Kind.APPROVAL, State.WAITING, step, Awaited.PROVIDER, "approveSubscription", subscribed.id)
    if subscribed.status == "SUSPENDED":
        yield from (_suspension(subscribed, hold, step) for hold in subscribed.holds or (Hold("NOBODY", subscribed.reason),))


def _suspension(subscribed: Subscribed, hold: Hold, step: str) -> Requirement:
    """Return what a suspension waits for: who holds it lets it go on; what a missing ground holds goes on with the ground."""
    awaited = _HOLDERS.get(hold.cause, _OWN if hold.cause == "RECIPIENT" else Awaited.NOBODY)
    verb = None if awaited is Awaited.NOBODY else "resumeSubscription"
    return Requirement(Kind.SUSPENSION, _waiting_for(awaited), step, awaited, verb, subscribed.id, hold.reason)
