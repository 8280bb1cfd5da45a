"""What is true of an agreement: one document of a kind, from the asking to its end.

::

    REQUESTED ──attach──▶ ATTACHED ──countersign──▶ COUNTERSIGNED ──confirm──▶ CONFIRMED ──(its time is over)──▶ LAPSED
                           ▲    │                         │
                           │    └────────return───────────┤
                           └──attach── RETURNED ◀─────────┘

The recipient holds REQUESTED and RETURNED, the provider ATTACHED, the operator COUNTERSIGNED. A successor is an agreement of its
own.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from chassis.errors import Conflict, FieldProblem, Forbidden, Invalid, NotHeardOf
from services.subscriptions.events import (
    AgreementAttached,
    AgreementBegan,
    AgreementConfirmed,
    AgreementCountersigned,
    AgreementExpiring,
    AgreementLapsed,
    AgreementRequested,
    AgreementReturned,
)
from services.subscriptions.known.files import KeptFile

AGREEMENT_PREFIX = "agr"
GOOD_VERDICT = "SIGNED_AND_TIMESTAMPED"
WARNED_DAYS = (30, 7, 1)


class Kind(StrEnum):
    """What an agreement is."""

    PARTNERSHIP_CONTRACT = "PARTNERSHIP_CONTRACT"
    NDA = "NDA"
    ADDITIONAL_AGREEMENT = "ADDITIONAL_AGREEMENT"
    TECHNICAL_ASSIGNMENT = "TECHNICAL_ASSIGNMENT"


PER_PROVIDER = frozenset({Kind.PARTNERSHIP_CONTRACT, Kind.NDA})
"""What is concluded once with a provider; the other kinds are concluded for each product."""
ALL_KINDS = tuple(Kind)


class Status(StrEnum):
    """Where an agreement stands."""

    REQUESTED = "REQUESTED"
    ATTACHED = "ATTACHED"
    COUNTERSIGNED = "COUNTERSIGNED"
    CONFIRMED = "CONFIRMED"
    RETURNED = "RETURNED"
    LAPSED = "LAPSED"


UNDER_WAY = frozenset({Status.REQUESTED, Status.ATTACHED, Status.COUNTERSIGNED, Status.RETURNED})


class Party(StrEnum):
    """Whose file it is."""

    RECIPIENT = "RECIPIENT"
    PROVIDER = "PROVIDER"


class AgreementUnderWay(Conflict):
    """The same document is being concluded already; wait for it, or read it again."""


class NotToBeAttached(Conflict):
    """The document is not with the recipient: it is attached already, is confirmed, or has ended."""


class NotToBeCountersigned(Conflict):
    """The document is not with the provider: the recipient has not attached it, or it is countersigned already."""


class NotToBeConfirmed(Conflict):
    """The document is not with the operator: both parties attach it before it is confirmed, and it is confirmed once."""


class NotToBeReturned(Conflict):
    """The document is not with the provider or the operator, so there is nothing to return."""


class AttachedByYourself(Forbidden):
    """Nobody decides about a document to which they have attached a file themselves."""


class NotToBeRenewed(Conflict):
    """Only an agreement that holds, or has lapsed, is renewed, and by one successor at a time."""


class TechnicalAssignmentFirst(Conflict):
    """The additional agreement rests on its technical assignment: that one is to be confirmed first."""


class SignaturesNotJudgedYet(Conflict):
    """The signatures of a party's file are still being examined; try again in a moment."""


class SignatureNotGood(Conflict):
    """A party's file does not bear a trusted signature with a trusted time stamp over all of it."""

    def __init__(self) -> None:
        super().__init__(
            fields=[FieldProblem("despite_finding", "read the finding; to confirm the agreement all the same, say why")]
        )


class ValidityNotUsable(Invalid):
    """An agreement ends after it has begun, and later than now."""

    def __init__(self) -> None:
        super().__init__(fields=[FieldProblem("valid_to", "give a moment after the beginning and after now, or leave it out")])


class KindsNotUsable(Invalid):
    """A product asks for at least one kind of document, and for an additional agreement only with its technical assignment."""

    def __init__(self) -> None:
        mend = "give at least one kind; with ADDITIONAL_AGREEMENT give TECHNICAL_ASSIGNMENT, too"
        super().__init__(fields=[FieldProblem("kinds", mend)])


class FileUsedAlready(Conflict):
    """The file hangs on something already; upload it anew."""


class NoSuchUpload(NotHeardOf):
    """There is no such file of yours that hangs on nothing yet."""

    def __init__(self) -> None:
        super().__init__(fields=[FieldProblem("file_id", "give the id of a file that you have uploaded and not attached yet")])


class OnlyTheRecipientAttaches(Forbidden):
    """Only the organization that asks to be connected attaches its documents and renews them."""


class OnlyTheProviderCountersigns(Forbidden):
    """Only the provider of the product countersigns."""


@dataclass(frozen=True, slots=True)
class Finding:
    """What identity has found out about a file's signatures: the verdict alone."""

    verdict: str | None
    judged_at: datetime | None


@dataclass(frozen=True, slots=True)
class AttachedFile:
    """A party's file; ``round_`` tells how often the agreement had been returned before.

    One that identity could not attach says why in ``not_attached``, and counts as never given.
    """

    file: KeptFile
    party: Party
    attached_at: datetime
    attached_by: str
    round_: int
    not_attached: str | None = None


@dataclass(frozen=True, slots=True)
class Validity:
    """From when and until when an agreement holds; without an end it holds until it is followed by nothing."""

    from_: datetime
    to: datetime | None


@dataclass(frozen=True, slots=True)
class Change:
    """What happened to an agreement, and how it has stood since. ``by`` is a user's id, or a part of the platform."""

    status: Status
    by: str
    at: datetime
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class Agreement:
    """One document of a kind between a recipient and a provider.

    ``product_id`` is the product for which it was asked; kinds that are concluded with a provider cover all of its products.
    ``told`` names what time has made due and was announced.
    """

    id: str
    kind: Kind
    organization_id: str
    provider_id: str
    product_id: str
    request_id: str
    status: Status
    created_at: datetime
    changes: tuple[Change, ...]
    files: tuple[AttachedFile, ...] = ()
    validity: Validity | None = None
    renews: str | None = None
    told: frozenset[str] = frozenset()

    @property
    def cover(self) -> str:
        """Return what it covers; of each cover one agreement at a time is under way."""
        return cover_of(self.kind, self.organization_id, self.provider_id, self.product_id)

    @property
    def round_(self) -> int:
        """Return how often it was returned."""
        return sum(each.status is Status.RETURNED for each in self.changes)

    @property
    def is_under_way(self) -> bool:
        """Say whether it is being concluded."""
        return self.status in UNDER_WAY

    def holds_at(self, moment: datetime) -> bool:
        """Say whether it is in force at a moment. What has once begun stays so, also by a clock that is behind."""
        if self.status is not Status.CONFIRMED or self.validity is None:
            return False
        has_begun = "BEGAN" in self.told or self.validity.from_ <= moment
        return has_begun and (self.validity.to is None or moment < self.validity.to)

    def latest(self, party: Party) -> AttachedFile | None:
        """Return the newest file of a party that is really there, of those given since the agreement was last returned."""
        own = [each for each in self.files if each.party is party and each.not_attached is None and each.round_ == self.round_]
        return own[-1] if own else None

    def attach(self, file: KeptFile, by: str, now: datetime) -> tuple["Agreement", AgreementAttached]:
        """Take the recipient's file. Raises ``NotToBeAttached``."""
        if self.status not in (Status.REQUESTED, Status.RETURNED):
            raise NotToBeAttached
        moved = self._with_file(file, Party.RECIPIENT, Change(Status.ATTACHED, by, now))
        return moved, AgreementAttached(**moved.tells(), file_id=file.id, party=Party.RECIPIENT)

    def countersign(
        self, file: KeptFile, by: str, now: datetime
    ) -> tuple["Agreement", tuple[AgreementAttached, AgreementCountersigned]]:
        """Take the provider's file. Raises ``NotToBeCountersigned``."""
        if self.status is not Status.ATTACHED:
            raise NotToBeCountersigned
        moved = self._with_file(file, Party.PROVIDER, Change(Status.COUNTERSIGNED, by, now))
        told = moved.tells()
        attached = AgreementAttached(**told, file_id=file.id, party=Party.PROVIDER)
        return moved, (attached, AgreementCountersigned(**told, file_id=file.id))

    def send_back(self, by: str, reason: str, now: datetime) -> tuple["Agreement", AgreementReturned]:
        """Ask the recipient for another file. Raises ``NotToBeReturned``."""
        if self.status not in (Status.ATTACHED, Status.COUNTERSIGNED):
            raise NotToBeReturned
        moved = self.moved_by(Change(Status.RETURNED, by, now, reason))
        return moved, AgreementReturned(**moved.tells(reason))

    def require_of_others(self, user_id: str) -> None:
        """Refuse whoever has attached a file of it themselves. Raises ``AttachedByYourself``."""
        if any(each.attached_by == user_id for each in self.files):
            raise AttachedByYourself

    def require_confirmable(self, findings: Mapping[str, Finding], despite_finding: str | None) -> None:
        """Refuse to confirm what is not signed as it must be.

        Raises ``NotToBeConfirmed``, ``SignaturesNotJudgedYet`` or ``SignatureNotGood``.
        """
        latest = [self.latest(party) for party in Party]
        files = [each for each in latest if each is not None]
        if self.status is not Status.COUNTERSIGNED or len(files) < len(Party):
            raise NotToBeConfirmed
        if any(each.file.id not in findings for each in files):
            raise SignaturesNotJudgedYet
        if despite_finding is None and any(findings[each.file.id].verdict != GOOD_VERDICT for each in files):
            raise SignatureNotGood

    def confirm(
        self, validity: Validity, by: str, now: datetime, *, reason: str | None
    ) -> tuple["Agreement", AgreementConfirmed]:
        """Put the agreement in force, as soon as its time begins. Raises ``ValidityNotUsable``."""
        if validity.to is not None and (validity.to <= validity.from_ or validity.to <= now):
            raise ValidityNotUsable
        moved = replace(self.moved_by(Change(Status.CONFIRMED, by, now, reason)), validity=validity)
        # What has passed already when it is confirmed is not announced again: the confirmation says it.
        passed = frozenset(name for name, at in moved.moments() if at <= now)
        kept = replace(moved, told=passed)
        return kept, AgreementConfirmed(**kept.tells(reason))

    def give_up_file(self, file_id: str, reason: str, by: str, now: datetime) -> "Agreement":
        """Note that a file could not be attached after all; the party whose it was has the agreement again."""
        found = next((each for each in self.files if each.file.id == file_id and each.not_attached is None), None)
        if found is None:
            return self
        is_latest = self.latest(found.party) == found
        files = tuple(replace(each, not_attached=reason) if each == found else each for each in self.files)
        without = replace(self, files=files)
        if not is_latest or self.status not in (Status.ATTACHED, Status.COUNTERSIGNED):
            return without
        back = Status.REQUESTED if found.party is Party.RECIPIENT else Status.ATTACHED
        return without.moved_by(Change(back, by, now, reason))

    @property
    def next_at(self) -> datetime | None:
        """Return when time makes something due with it, or None."""
        return min((at for name, at in self.moments() if name not in self.told), default=None)

    def keep_time(
        self, by: str, now: datetime, *, is_followed: bool
    ) -> tuple["Agreement", list[AgreementBegan | AgreementExpiring | AgreementLapsed]]:
        """Do what time has made due; of several warnings that were missed the last is given. ``is_followed`` silences them."""
        due = [name for name, at in self.moments() if at <= now and name not in self.told]
        kept = replace(self, told=self.told | frozenset(due))
        facts: list[AgreementBegan | AgreementExpiring | AgreementLapsed] = []
        if "LAPSED" in due:
            lapsed = kept.moved_by(Change(Status.LAPSED, by, now))
            return lapsed, [AgreementLapsed(**lapsed.tells())]
        if "BEGAN" in due:
            facts.append(AgreementBegan(**kept.tells()))
        warned = [days for days in WARNED_DAYS if str(days) in due]
        if warned and not is_followed:
            facts.append(AgreementExpiring(**kept.tells(), days=min(warned)))
        return kept, facts

    def requested(self) -> AgreementRequested:
        """Return the fact that the document is needed."""
        return AgreementRequested(**self.tells(), renews=self.renews)

    def successor(self, agreement_id: str, by: str, now: datetime) -> "Agreement":
        """Return the agreement that shall follow this one. Raises ``NotToBeRenewed``."""
        if self.status not in (Status.CONFIRMED, Status.LAPSED):
            raise NotToBeRenewed
        change = Change(Status.REQUESTED, by, now)
        return Agreement(
            id=agreement_id,
            kind=self.kind,
            organization_id=self.organization_id,
            provider_id=self.provider_id,
            product_id=self.product_id,
            request_id=self.request_id,
            status=Status.REQUESTED,
            created_at=now,
            changes=(change,),
            renews=self.id,
        )

    def moments(self) -> Iterable[tuple[str, datetime]]:
        """Return what time makes due with it while it is confirmed, and when."""
        if self.status is not Status.CONFIRMED or self.validity is None:
            return
        yield "BEGAN", self.validity.from_
        if self.validity.to is not None:
            for days in WARNED_DAYS:
                yield str(days), self.validity.to - timedelta(days=days)
            yield "LAPSED", self.validity.to

    def _with_file(self, file: KeptFile, party: Party, change: Change) -> "Agreement":
        attached = AttachedFile(file, party, change.at, change.by, self.round_)
        return replace(self.moved_by(change), files=(*self.files, attached))

    def moved_by(self, change: Change) -> "Agreement":
        """Return the agreement after a change."""
        return replace(self, status=change.status, changes=(*self.changes, change))

    def tells(self, reason: str | None = None) -> dict[str, Any]:
        """Return what every fact about it tells."""
        return {
            "agreement_id": self.id,
            "request_id": self.request_id,
            "kind": self.kind.value,
            "organization_id": self.organization_id,
            "provider_id": self.provider_id,
            "product_id": self.product_id,
            "status": self.status.value,
            "valid_from": self.validity.from_ if self.validity else None,
            "valid_to": self.validity.to if self.validity else None,
            "reason": reason,
        }


def cover_of(kind: Kind, organization_id: str, provider_id: str, product_id: str) -> str:
    """Return what an agreement of a kind covers: everything of the provider, or the product."""
    between = f"{kind}:{organization_id}:{provider_id}"
    return between if kind in PER_PROVIDER else f"{between}:{product_id}"


def read_kinds(kinds: Iterable[Kind]) -> tuple[Kind, ...]:
    """Return kinds of documents in their order, each once. Raises ``KindsNotUsable``."""
    given = frozenset(kinds)
    if not given or (Kind.ADDITIONAL_AGREEMENT in given and Kind.TECHNICAL_ASSIGNMENT not in given):
        raise KindsNotUsable
    return tuple(each for each in Kind if each in given)
