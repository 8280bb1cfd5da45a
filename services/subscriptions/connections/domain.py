"""What is true of a connection request: where it stands, who holds it, and what may happen next.

::

    DRAFT ──submit──▶ FILED ──take, assign──▶ IN_PROGRESS ──complete──▶ COMPLETED
                       ▲ │                     │   │  └──────reject───▶ REJECTED
                       │ └───return──┐ ┌───────┘   │
                       └──submit── RETURNED ◀──────┘     (whatever is open) ──withdraw──▶ WITHDRAWN

The recipient holds DRAFT and RETURNED, the operator FILED and IN_PROGRESS. What is submitted again goes back to its
representative. A request that nobody has taken yet may be returned and rejected, too. Whose representative is none any more is
FILED again.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any

from chassis.errors import Conflict, Forbidden
from chassis.messages import Event
from services.subscriptions.agreements.domain import ALL_KINDS, Kind
from services.subscriptions.events import (
    ConnectionCompleted,
    ConnectionRejected,
    ConnectionRequested,
    ConnectionReturned,
    ConnectionWithdrawn,
    RepresentativeAssigned,
    RepresentativeReleased,
)

REQUEST_PREFIX = "cnr"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Status(StrEnum):
    """Where a request stands."""

    DRAFT = "DRAFT"
    FILED = "FILED"
    IN_PROGRESS = "IN_PROGRESS"
    RETURNED = "RETURNED"
    COMPLETED = "COMPLETED"
    REJECTED = "REJECTED"
    WITHDRAWN = "WITHDRAWN"


class Holder(StrEnum):
    """On whose desk a request lies."""

    RECIPIENT = "RECIPIENT"
    OPERATOR = "OPERATOR"


class ActKind(StrEnum):
    """What somebody did about a request."""

    DRAFTED = "DRAFTED"
    CHANGED = "CHANGED"
    FILED = "FILED"
    ASSIGNED = "ASSIGNED"
    RELEASED = "RELEASED"
    DOCUMENT_REQUESTED = "DOCUMENT_REQUESTED"
    DOCUMENT_ATTACHED = "DOCUMENT_ATTACHED"
    DOCUMENT_COUNTERSIGNED = "DOCUMENT_COUNTERSIGNED"
    DOCUMENT_CONFIRMED = "DOCUMENT_CONFIRMED"
    DOCUMENT_RETURNED = "DOCUMENT_RETURNED"
    STEP_DECIDED = "STEP_DECIDED"
    RETURNED = "RETURNED"
    COMPLETED = "COMPLETED"
    REJECTED = "REJECTED"
    WITHDRAWN = "WITHDRAWN"


HOLDERS: Mapping[Status, Holder] = {
    Status.DRAFT: Holder.RECIPIENT,
    Status.FILED: Holder.OPERATOR,
    Status.IN_PROGRESS: Holder.OPERATOR,
    Status.RETURNED: Holder.RECIPIENT,
}
WITH_OPERATOR = tuple(each for each, holder in HOLDERS.items() if holder is Holder.OPERATOR)


class RequestOpenAlready(Conflict):
    """The organization has an open connection request to this product; change it, or withdraw it first."""


class AlreadyConnected(Conflict):
    """The organization is connected to this product already."""


class AgreementNotAskedFor(Conflict):
    """The product asks for no agreement: subscribe to it without a connection request."""


class RequestNotWithYou(Conflict):
    """The request is with the operator, or finished; it can be changed only before it is filed and after it is returned."""


class RequestNotWithOperator(Conflict):
    """The request is not with the operator: it is not filed, was returned, or is finished."""


class RepresentativeMissing(Conflict):
    """No representative runs this request yet; take it, or assign somebody first."""


class AssignedToAnother(Conflict):
    """Another representative runs this request; an administrator of the operator may assign it anew."""


class RepresentativeFiledIt(Conflict):
    """Nobody runs a connection request that they have filed themselves."""


class StepsNotApproved(Conflict):
    """A step of the approval chain is not approved yet."""


class AgreementsNotConfirmed(Conflict):
    """A document that the connection takes is not confirmed yet."""


class DocumentRequiredAlready(Conflict):
    """The request takes such a document already."""


class NoOpenRequest(Conflict):
    """No open connection request takes this document any more."""


class RequestFinished(Conflict):
    """The connection request is finished; file a new one."""


class OnlyTheOperatorDecides(Forbidden):
    """Only the assigned representative and the operator's administrators do this."""


class OnlyAdministratorsAssign(Forbidden):
    """Only the operator's administrators assign a representative."""


class OnlyRepresentativesTake(Forbidden):
    """Only a business representative takes a connection request."""


class NotYourRequest(Forbidden):
    """Another representative runs this request; let an administrator assign it to you."""


class OnlyTheRecipientFiles(Forbidden):
    """Only the organization that asks to be connected files, changes and withdraws the request."""


@dataclass(frozen=True, slots=True)
class Form:
    """What the organization asks for, and why. ``contact_note`` says whom to write to or to call."""

    application_ids: tuple[str, ...]
    purpose: str
    legal_basis: str
    data_categories: tuple[str, ...] = ()
    contact_note: str | None = None


@dataclass(frozen=True, slots=True)
class Difference:
    """A part of the form that is another one than when the request was filed last."""

    part: str
    before: str | None
    after: str | None


@dataclass(frozen=True, slots=True)
class Act:
    """What somebody did, and where the request stood afterwards. ``about`` names the document's kind or the step's party."""

    kind: ActKind
    at: datetime
    by: str
    status: Status
    reason: str | None = None
    reasons: tuple[str, ...] = ()
    about: str | None = None
    person_id: str | None = None
    differences: tuple[Difference, ...] = ()


@dataclass(frozen=True, slots=True)
class Request:
    """An organization's request to be connected to a product.

    ``kinds`` are the documents that it takes; ``filed_by`` everybody who drafted or filed it; ``held_since`` is when it came to
    whoever holds it; ``filed_form`` is the form as it was filed last.
    """

    id: str
    organization_id: str
    product_id: str
    provider_id: str
    form: Form
    status: Status
    created_at: datetime
    held_since: datetime
    filed_by: frozenset[str]
    acts: tuple[Act, ...]
    kinds: tuple[Kind, ...] = ()
    filed_form: Form | None = None
    filed_at: datetime | None = None
    round_: int = 0
    representative_id: str | None = None
    substitutes: frozenset[str] = frozenset()

    @property
    def is_open(self) -> bool:
        """Say whether anything may still happen to it."""
        return self.status in HOLDERS

    @property
    def is_filed(self) -> bool:
        """Say whether others have ever had it: a draft is the recipient's own business."""
        return self.filed_at is not None

    @property
    def is_with_operator(self) -> bool:
        """Say whether it is being worked on."""
        return self.status in WITH_OPERATOR

    @property
    def holder(self) -> Holder | None:
        """Return on whose desk it lies; a finished one lies on nobody's."""
        return HOLDERS.get(self.status)

    @property
    def between(self) -> tuple[str, str, str]:
        """Return recipient, provider and product."""
        return self.organization_id, self.provider_id, self.product_id

    def change(self, form: Form, by: str, now: datetime) -> "Request":
        """Return the request with another form. Raises ``RequestNotWithYou``."""
        self._require_with_recipient()
        if form == self.form:
            return self
        changed = self.note(ActKind.CHANGED, by, now)
        return replace(changed, form=form, filed_by=self.filed_by | {by})

    def submit(self, kinds: Iterable[Kind], by: str, now: datetime) -> tuple["Request", ConnectionRequested]:
        """Return the request on the operator's desk. Raises ``RequestNotWithYou``."""
        self._require_with_recipient()
        status = Status.FILED if self.representative_id is None else Status.IN_PROGRESS
        act = Act(ActKind.FILED, now, by, status, differences=self.differences())
        wanted = frozenset(kinds) | frozenset(self.kinds)
        moved = replace(
            self._moved(act),
            filed_at=now,
            filed_form=self.form,
            filed_by=self.filed_by | {by},
            kinds=tuple(each for each in ALL_KINDS if each in wanted),
        )
        return moved, ConnectionRequested(**moved.tells(), round=self.round_)

    def differences(self) -> tuple[Difference, ...]:
        """Return which parts differ from what was filed last."""
        if self.filed_form is None:
            return ()
        pairs = ((each.name, getattr(self.filed_form, each.name), getattr(self.form, each.name)) for each in fields(Form))
        return tuple(Difference(name.upper(), _text(old), _text(new)) for name, old, new in pairs if old != new)

    @property
    def has_new_documents(self) -> bool:
        """Say whether a document was attached since the request was returned last."""
        returned = max((number for number, each in enumerate(self.acts) if each.kind is ActKind.RETURNED), default=-1)
        return any(each.kind is ActKind.DOCUMENT_ATTACHED for each in self.acts[returned + 1 :])

    def assign(self, user_id: str, by: str, now: datetime) -> tuple["Request", RepresentativeAssigned]:
        """Return the request in the hands of a representative. Raises ``RequestNotWithOperator`` or ``RepresentativeFiledIt``."""
        self._require_with_operator()
        if user_id in self.filed_by:
            raise RepresentativeFiledIt
        moved = self._moved(Act(ActKind.ASSIGNED, now, by, Status.IN_PROGRESS, person_id=user_id))
        assigned = replace(moved, representative_id=user_id)
        return assigned, RepresentativeAssigned(**assigned.tells())

    def release(self, by: str, now: datetime) -> tuple["Request", RepresentativeReleased]:
        """Return the request without its representative, who is none any more: it waits for another one."""
        former = self.representative_id
        assert former is not None, "somebody runs it"
        status = Status.FILED if self.status is Status.IN_PROGRESS else self.status
        released = replace(self._moved(Act(ActKind.RELEASED, now, by, status, person_id=former)), representative_id=None)
        return released, RepresentativeReleased(**released.tells(), former_representative_id=former)

    def require_document(self, kind: Kind, by: str, now: datetime) -> "Request":
        """Return the request with one more document. Raises ``RequestNotWithOperator`` or ``DocumentRequiredAlready``."""
        self._require_with_operator()
        if kind in self.kinds:
            raise DocumentRequiredAlready
        noted = self.note(ActKind.DOCUMENT_REQUESTED, by, now, about=kind)
        return replace(noted, kinds=tuple(each for each in ALL_KINDS if each in {*self.kinds, kind}))

    def send_back(self, by: str, reasons: tuple[str, ...], now: datetime) -> tuple["Request", ConnectionReturned]:
        """Return the request on the recipient's desk again. Raises ``RequestNotWithOperator``."""
        self._require_with_operator()
        moved = self._moved(Act(ActKind.RETURNED, now, by, Status.RETURNED, reasons=reasons))
        returned = replace(moved, round_=self.round_ + 1)
        return returned, ConnectionReturned(**returned.tells(in_one(reasons)))

    def reject(self, by: str, reason: str, now: datetime) -> tuple["Request", ConnectionRejected]:
        """Return the request turned down. Raises ``RequestNotWithOperator``."""
        self._require_with_operator()
        moved = self._moved(Act(ActKind.REJECTED, now, by, Status.REJECTED, reason=reason))
        return moved, ConnectionRejected(**moved.tells(reason))

    def complete(self, by: str, now: datetime, *, has_steps_left: bool, lacks_agreements: bool) -> tuple["Request", Event]:
        """Return the request fulfilled.

        Raises ``RequestNotWithOperator``, ``RepresentativeMissing``, ``StepsNotApproved`` or ``AgreementsNotConfirmed``.
        """
        self._require_with_operator()
        if self.status is not Status.IN_PROGRESS:
            raise RepresentativeMissing
        if has_steps_left:
            raise StepsNotApproved
        if lacks_agreements:
            raise AgreementsNotConfirmed
        moved = self._moved(Act(ActKind.COMPLETED, now, by, Status.COMPLETED))
        return moved, ConnectionCompleted(**moved.tells())

    def withdraw(self, by: str, reason: str | None, now: datetime) -> tuple["Request", ConnectionWithdrawn]:
        """Return the request taken back. Raises ``RequestFinished``."""
        if not self.is_open:
            raise RequestFinished
        moved = self._moved(Act(ActKind.WITHDRAWN, now, by, Status.WITHDRAWN, reason=reason))
        return moved, ConnectionWithdrawn(**moved.tells(reason))

    def with_substitutes(self, user_ids: frozenset[str]) -> "Request":
        """Return the request with who may decide a step of it in somebody's place."""
        return replace(self, substitutes=user_ids)

    def note(self, kind: ActKind, by: str, now: datetime, *, about: str | None = None, reason: str | None = None) -> "Request":
        """Return the request with an act that moved it nowhere."""
        return replace(self, acts=(*self.acts, Act(kind, now, by, self.status, reason=reason, about=about)))

    def _require_with_recipient(self) -> None:
        if self.holder is not Holder.RECIPIENT:
            raise RequestNotWithYou

    def _require_with_operator(self) -> None:
        if not self.is_with_operator:
            raise RequestNotWithOperator

    def _moved(self, act: Act) -> "Request":
        keeps_holder = HOLDERS.get(act.status) is self.holder
        held_since = self.held_since if keeps_holder else act.at
        return replace(self, status=act.status, held_since=held_since, acts=(*self.acts, act))

    def tells(self, reason: str | None = None) -> dict[str, Any]:
        """Return what every fact about it tells."""
        return {
            "request_id": self.id,
            "organization_id": self.organization_id,
            "provider_id": self.provider_id,
            "product_id": self.product_id,
            "application_ids": list(self.form.application_ids),
            "representative_id": self.representative_id,
            "status": self.status.value,
            "reason": reason,
        }


def in_one(reasons: Sequence[str]) -> str:
    """Return several reasons in one line, as they are announced: each is a sentence of its own, or part of one."""
    return "; ".join([*(each.rstrip(" .;") for each in reasons[:-1]), *reasons[-1:]])


def _text(value: str | tuple[str, ...] | None) -> str | None:
    return ", ".join(value) if isinstance(value, tuple) else value


def to_milliseconds(moment: datetime) -> int:
    """Return a moment as a whole number, as lists are sorted by it."""
    return (moment - _EPOCH) // timedelta(milliseconds=1)
