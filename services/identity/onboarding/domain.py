"""What is true of an onboarding request: where it stands, who holds it, and what may happen next.

::

    DRAFT ──submit──▶ SUBMITTED ──take──▶ IN_REVIEW ──approve──▶ APPROVED
                       ▲    │                │  └─────reject───▶ REJECTED
                       │    └──── return ────┤
                       └──submit── RETURNED ◀┘     (whatever is open) ──withdraw──▶ WITHDRAWN

The recipient holds DRAFT and RETURNED, the operator SUBMITTED and IN_REVIEW. An operator may decide without taking it first.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any

from chassis.errors import Conflict, FieldProblem, Invalid, NotFound
from services.identity.findings.domain import Judging
from services.identity.onboarding.events import (
    OnboardingApproved,
    OnboardingRejected,
    OnboardingReturned,
    OnboardingSubmitted,
    OnboardingWithdrawn,
)
from services.identity.onboarding.form import Form, Part

REQUEST_PREFIX = "onb"
MOST_DOCUMENTS = 10
GOOD_VERDICT = "SIGNED_AND_TIMESTAMPED"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class RequestOpenAlready(Conflict):
    """The organization has an open onboarding request; change it, or withdraw it first."""


class NotYoursToChangeNow(Conflict):
    """The request is with the operator, or finished; it can be changed only before it is submitted and after it is returned."""


class SignedDocumentMissing(Conflict):
    """Attach a signed document (PDF or ASiC-E) first; after a return, a newly signed one."""


class TooManyDocuments(Conflict):
    """The request has as many documents as it can have since it was last with you."""


class NoSuchDocument(NotFound):
    """The request has no such document that was attached since it was last with the operator."""

    def __init__(self) -> None:
        super().__init__(fields=[FieldProblem("file_id", "give the file of a document of the present submission")])


class NoSuchOrganization(NotFound):
    """There is no such organization."""

    def __init__(self) -> None:
        mend = "give the id of an organization on the portal, or leave it out for one that is not here yet"
        super().__init__(fields=[FieldProblem("organization_id", mend)])


class SubmittedAnew(Conflict):
    """The request was submitted anew since you looked at it; read it again before you decide."""


class NotToBeDecided(Conflict):
    """The request is not with the operator: it is not submitted, was returned, or is finished."""


class TakenByAnother(Conflict):
    """Another operator works on this request; take it over first."""


class RequestFinished(Conflict):
    """The request is finished; file a new one."""


class DocumentNotJudgedYet(Conflict):
    """The signatures of a document are still being examined; try again in a moment."""


class FindingNotGood(Conflict):
    """A document does not bear a trusted signature with a trusted time stamp over all of it."""

    def __init__(self) -> None:
        mend = "read the finding; to approve all the same, say why"
        super().__init__(fields=[FieldProblem("despite_finding", mend)])


class ContactPersonGone(Conflict):
    """The contact person's data were erased at their wish; return the request, so that it names another one."""


class NotReceivedYet(Invalid):
    """A request cannot have been received in the future."""

    def __init__(self) -> None:
        super().__init__(fields=[FieldProblem("received_at", "give a moment that has passed")])


class Status(StrEnum):
    """Where a request stands."""

    DRAFT = "DRAFT"
    SUBMITTED = "SUBMITTED"
    IN_REVIEW = "IN_REVIEW"
    RETURNED = "RETURNED"
    APPROVED = "APPROVED"
    REJECTED = "REJECTED"
    WITHDRAWN = "WITHDRAWN"


class Channel(StrEnum):
    """How a request came: through the portal, by e-mail or e-address, or on paper."""

    PORTAL = "PORTAL"
    MAIL = "MAIL"
    PAPER = "PAPER"


class Holder(StrEnum):
    """On whose desk a request lies."""

    RECIPIENT = "RECIPIENT"
    OPERATOR = "OPERATOR"


class ActKind(StrEnum):
    """What somebody did about a request."""

    DRAFTED = "DRAFTED"
    RECORDED = "RECORDED"
    CHANGED = "CHANGED"
    DOCUMENT_ATTACHED = "DOCUMENT_ATTACHED"
    DOCUMENT_REMOVED = "DOCUMENT_REMOVED"
    SUBMITTED = "SUBMITTED"
    TAKEN = "TAKEN"
    RETURNED = "RETURNED"
    APPROVED = "APPROVED"
    REJECTED = "REJECTED"
    WITHDRAWN = "WITHDRAWN"


HOLDERS: Mapping[Status, Holder] = {
    Status.DRAFT: Holder.RECIPIENT,
    Status.SUBMITTED: Holder.OPERATOR,
    Status.IN_REVIEW: Holder.OPERATOR,
    Status.RETURNED: Holder.RECIPIENT,
}
WITH_OPERATOR = tuple(each for each, holder in HOLDERS.items() if holder is Holder.OPERATOR)


@dataclass(frozen=True, slots=True)
class Reason:
    """Why a request was returned, and which part of it is at fault."""

    part: Part
    message: str


@dataclass(frozen=True, slots=True)
class Act:
    """What somebody did, and where the request stood afterwards. ``by`` is a user's id."""

    kind: ActKind
    at: datetime
    by: str
    status: Status
    reason: str | None = None
    reasons: tuple[Reason, ...] = ()


@dataclass(frozen=True, slots=True)
class Document:
    """A file that was attached. ``round_`` tells the submission it belongs to, ``finding`` what is known of its signatures."""

    file_id: str
    name: str
    content_type: str
    size: int
    sha256: str
    attached_at: datetime
    attached_by: str
    round_: int
    judging: Judging = Judging.WAITING
    tries: int = 0
    finding: Mapping[str, Any] | None = None

    @property
    def is_good(self) -> bool:
        """Say whether it bears a trusted signature and time stamp over the whole file."""
        return self.finding is not None and self.finding.get("verdict") == GOOD_VERDICT


@dataclass(frozen=True, slots=True)
class Request:
    """An organization's request to be onboarded; without an ``organization_id`` the operator recorded it for one not here yet.

    ``held_since`` is when it came to whoever holds it; ``round_`` grows with each return.
    """

    id: str
    organization_id: str | None
    channel: Channel
    language: str
    form: Form
    filed_by: str
    created_at: datetime
    received_at: datetime | None
    status: Status
    held_since: datetime
    acts: tuple[Act, ...]
    documents: tuple[Document, ...] = ()
    round_: int = 0
    taken_by: str | None = None
    submitted_at: datetime | None = None
    number: str | None = None

    @property
    def is_open(self) -> bool:
        """Say whether anything may still happen to it."""
        return self.status in HOLDERS

    @property
    def is_filed(self) -> bool:
        """Say whether the operator has ever had it: a draft is the recipient's own business."""
        return self.submitted_at is not None

    @property
    def holder(self) -> Holder | None:
        """Return on whose desk it lies; a finished one lies on nobody's."""
        return HOLDERS.get(self.status)

    def current_documents(self) -> tuple[Document, ...]:
        """Return the documents of the present submission."""
        return tuple(each for each in self.documents if each.round_ == self.round_)

    def change(self, form: Form, by: str, now: datetime) -> "Request":
        """Return the request with another form. Raises ``NotYoursToChangeNow``."""
        self._require_with_recipient()
        return replace(self._acted(Act(ActKind.CHANGED, now, by, self.status)), form=form)

    def attach(self, document: Document) -> "Request":
        """Return the request with one more document. Raises ``NotYoursToChangeNow`` or ``TooManyDocuments``."""
        self._require_with_recipient()
        if len(self.current_documents()) >= MOST_DOCUMENTS:
            raise TooManyDocuments
        act = Act(ActKind.DOCUMENT_ATTACHED, document.attached_at, document.attached_by, self.status)
        return replace(self._acted(act), documents=(*self.documents, document))

    def remove(self, file_id: str, by: str, now: datetime) -> "Request":
        """Return the request without a document. Raises ``NotYoursToChangeNow`` or ``NoSuchDocument``."""
        self._require_with_recipient()
        if file_id not in [each.file_id for each in self.current_documents()]:
            raise NoSuchDocument
        documents = tuple(each for each in self.documents if each.file_id != file_id)
        return replace(self._acted(Act(ActKind.DOCUMENT_REMOVED, now, by, self.status)), documents=documents)

    def submit(self, by: str, now: datetime) -> tuple["Request", OnboardingSubmitted]:
        """Return the request on the operator's desk. Raises ``NotYoursToChangeNow`` or ``SignedDocumentMissing``."""
        self._require_with_recipient()
        if self.channel is Channel.PORTAL and not self.current_documents():
            raise SignedDocumentMissing
        moved = self._moved(Act(ActKind.SUBMITTED, now, by, Status.SUBMITTED))
        return replace(moved, submitted_at=now, taken_by=None), self.submitted()

    def submitted(self) -> OnboardingSubmitted:
        """Return the fact that the request is with the operator."""
        return OnboardingSubmitted(request_id=self.id, organization_id=self.organization_id, channel=self.channel)

    def take(self, by: str, now: datetime) -> "Request":
        """Return the request in the hands of an operator; also out of those of another one. Raises ``NotToBeDecided``."""
        self._require_with_operator()
        if self.taken_by == by:
            return self
        return replace(self._moved(Act(ActKind.TAKEN, now, by, Status.IN_REVIEW)), taken_by=by)

    def send_back(self, by: str, reasons: tuple[Reason, ...], now: datetime) -> tuple["Request", OnboardingReturned]:
        """Return the request on the recipient's desk again. Raises ``NotToBeDecided`` or ``TakenByAnother``."""
        self._require_decidable_by(by)
        moved = self._moved(Act(ActKind.RETURNED, now, by, Status.RETURNED, reasons=reasons))
        fact = OnboardingReturned(request_id=self.id, organization_id=self.organization_id)
        return replace(moved, round_=self.round_ + 1, taken_by=None), fact

    def reject(self, by: str, reason: str, now: datetime) -> tuple["Request", OnboardingRejected]:
        """Return the request turned down. Raises ``NotToBeDecided`` or ``TakenByAnother``."""
        self._require_decidable_by(by)
        moved = self._moved(Act(ActKind.REJECTED, now, by, Status.REJECTED, reason=reason))
        return moved, OnboardingRejected(request_id=self.id, organization_id=self.organization_id)

    def require_approvable(self, by: str, despite_finding: str | None) -> None:
        """Refuse to approve what another operator has, or what nobody signed as it must be.

        On paper the signature is on the paper. Raises ``NotToBeDecided``, ``TakenByAnother``,
        ``ContactPersonGone``, ``DocumentNotJudgedYet`` or ``FindingNotGood``.
        """
        self._require_decidable_by(by)
        if not self.form.contact.email:
            raise ContactPersonGone
        if self.channel is Channel.PAPER:
            return
        documents = self.current_documents()
        if any(each.judging is Judging.WAITING for each in documents):
            raise DocumentNotJudgedYet
        if despite_finding is None and not (documents and all(each.is_good for each in documents)):
            raise FindingNotGood

    def approve(
        self, by: str, organization_id: str, number: str, *, reason: str | None, now: datetime
    ) -> tuple["Request", OnboardingApproved]:
        """Return the request fulfilled; ``reason`` says why the finding on its documents did not matter."""
        moved = self._moved(Act(ActKind.APPROVED, now, by, Status.APPROVED, reason=reason))
        approved = OnboardingApproved(request_id=self.id, organization_id=organization_id, number=number)
        return replace(moved, organization_id=organization_id, number=number), approved

    def withdraw(self, by: str, reason: str | None, now: datetime) -> tuple["Request", OnboardingWithdrawn]:
        """Return the request taken back. Raises ``RequestFinished``."""
        if not self.is_open:
            raise RequestFinished
        moved = self._moved(Act(ActKind.WITHDRAWN, now, by, Status.WITHDRAWN, reason=reason))
        return moved, OnboardingWithdrawn(request_id=self.id, organization_id=self.organization_id)

    def judged(self, file_id: str, finding: Mapping[str, Any] | None, *, most_tries: int) -> "Request":
        """Return the request with what was found out about a document; None where it could not be examined this time."""
        return replace(
            self,
            documents=tuple(_judged(each, finding, most_tries) if each.file_id == file_id else each for each in self.documents),
        )

    def _require_with_recipient(self) -> None:
        if self.holder is not Holder.RECIPIENT:
            raise NotYoursToChangeNow

    def _require_with_operator(self) -> None:
        if self.holder is not Holder.OPERATOR:
            raise NotToBeDecided

    def _require_decidable_by(self, by: str) -> None:
        self._require_with_operator()
        if self.taken_by not in (None, by):
            raise TakenByAnother

    def _acted(self, act: Act) -> "Request":
        last = self.acts[-1]
        # Saving the form again and again is one act, the last of them.
        is_again = act.kind is ActKind.CHANGED and (last.kind, last.by) == (act.kind, act.by)
        return replace(self, acts=(*(self.acts[:-1] if is_again else self.acts), act))

    def _moved(self, act: Act) -> "Request":
        keeps_holder = HOLDERS.get(act.status) is self.holder
        return replace(self._acted(act), status=act.status, held_since=self.held_since if keeps_holder else act.at)


def _judged(document: Document, finding: Mapping[str, Any] | None, most_tries: int) -> Document:
    if finding is not None:
        return replace(document, judging=Judging.DONE, finding=finding)
    tries = document.tries + 1
    return replace(document, tries=tries, judging=Judging.FAILED if tries >= most_tries else Judging.WAITING)


def to_milliseconds(moment: datetime) -> int:
    """Return a moment as a whole number, as lists are sorted by it."""
    return (moment - _EPOCH) // timedelta(milliseconds=1)
