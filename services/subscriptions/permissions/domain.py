"""What is true of permissions: the steps of their life, and what each wrong step is called.

::

    request ──► REQUESTED ──grant──► GRANTED ──revoke──► REVOKED
                 │  ▲  │                  │  ▲
                 │  │  └─refuse─► REFUSED │  │
            return  change              time extend
                 ▼  │                     ▼  │
                RETURNED                 LAPSED

What is not decided may be withdrawn (WITHDRAWN), and what was asked back may be decided all the same. A provider may also grant
without having been asked. What is granted may be less than what was asked, never other operations. A permission is in force
while it is GRANTED and its time has begun and is not over, whether anybody has noticed or not.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Any

from chassis.errors import Conflict
from chassis.messages import Event
from services.subscriptions.events import (
    PermissionBegan,
    PermissionExtended,
    PermissionGranted,
    PermissionLapsed,
    PermissionRefused,
    PermissionRequested,
    PermissionReturned,
    PermissionRevoked,
    PermissionWithdrawn,
)
from services.subscriptions.known.domain import Application, Product
from services.subscriptions.permissions.scope import Scope, Wish


class Status(StrEnum):
    """Where a permission stands."""

    REQUESTED = "REQUESTED"
    RETURNED = "RETURNED"
    GRANTED = "GRANTED"
    REFUSED = "REFUSED"
    REVOKED = "REVOKED"
    LAPSED = "LAPSED"
    WITHDRAWN = "WITHDRAWN"


LIVE = frozenset({Status.REQUESTED, Status.RETURNED, Status.GRANTED})
"""An application has at most one permission for a product that stands so."""


class Deed(StrEnum):
    """What was done about a permission."""

    REQUESTED = "REQUESTED"
    CHANGED = "CHANGED"
    RETURNED = "RETURNED"
    WITHDRAWN = "WITHDRAWN"
    GRANTED = "GRANTED"
    BEGAN = "BEGAN"
    REFUSED = "REFUSED"
    REVOKED = "REVOKED"
    EXTENDED = "EXTENDED"
    LAPSED = "LAPSED"


class PermissionAskedAlready(Conflict):
    """A permission of this application for this product is asked for or granted already."""


class NotAskedFor(Conflict):
    """The permission is not waiting for its provider any more."""


class NotGranted(Conflict):
    """The permission is not granted now."""


class QuestionOpen(Conflict):
    """The provider has asked back already and waits for the answer."""


class ApplicationGone(Conflict):
    """The application has been deleted; nothing is permitted to it any more."""


class OpenToEverybody(Conflict):
    """Every registered user may call this product: there is nothing to permit."""


@dataclass(frozen=True, slots=True)
class Act:
    """Who does something, when, and why."""

    actor: str
    at: datetime
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class Change:
    """What was done: how the permission has stood since, and until when it was to last."""

    deed: Deed
    status: Status
    reason: str | None
    actor: str
    at: datetime
    valid_to: datetime | None


@dataclass(frozen=True, slots=True)
class Permission:
    """The provider's decision that one application may call operations of a product, from the first question on."""

    id: str
    application_id: str
    organization_id: str
    product_id: str
    provider_id: str
    status: Status
    wish: Wish
    granted: Scope | None
    reason: str | None
    created_at: datetime
    changed_at: datetime
    history: tuple[Change, ...]

    @property
    def is_live(self) -> bool:
        """Say whether it stands in the way of another permission of the application for the product."""
        return self.status in LIVE

    @property
    def scope(self) -> Scope:
        """Return what was granted, or else what is asked for."""
        return self.granted or self.wish.scope

    @property
    def was_asked_for(self) -> bool:
        """Say whether it began with a question, not with the provider's own decision."""
        return self.history[0].deed is Deed.REQUESTED

    @property
    def begins_at(self) -> datetime | None:
        """Return when it begins, where it was granted ahead and its beginning has not been noted yet."""
        if self.status is not Status.GRANTED or any(each.deed is Deed.BEGAN for each in self.history):
            return None
        granted_at = next(each.at for each in self.history if each.deed is Deed.GRANTED)
        begins = self.scope.valid_from
        return begins if begins is not None and granted_at < begins else None

    @property
    def ends_at(self) -> datetime | None:
        """Return when it lapses, where it will."""
        return self.scope.valid_to if self.status is Status.GRANTED else None

    def is_in_force(self, now: datetime) -> bool:
        """Say whether the application may call now."""
        return self.status is Status.GRANTED and not self.is_ahead(now) and not self.is_over(now)

    def is_ahead(self, now: datetime) -> bool:
        """Say whether what was granted begins later. What has once begun stays so, also by a clock that is behind."""
        begins = self.begins_at
        return begins is not None and now < begins

    def is_over(self, now: datetime) -> bool:
        """Say whether the time that was granted is over."""
        ends = self.scope.valid_to
        return ends is not None and ends <= now

    def ask(self, act: Act) -> tuple["Permission", Event]:
        """Ask for it. Raises ``ValidityNotUsable``."""
        self.wish.scope.require_ahead(act.at)
        asked = self._done(Deed.REQUESTED, Status.REQUESTED, act)
        return asked, PermissionRequested(**asked.told())

    def change(self, wish: Wish, act: Act) -> tuple["Permission", Event]:
        """Ask with other words; what was asked back is asked again. Raises ``NotAskedFor``."""
        self._require(Status.REQUESTED, Status.RETURNED)
        wish.scope.require_ahead(act.at)
        changed = self._done(Deed.CHANGED, Status.REQUESTED, act, wish=wish)
        return changed, PermissionRequested(**changed.told())

    def withdraw(self, act: Act) -> tuple["Permission", Event]:
        """Ask no more. Raises ``NotAskedFor``."""
        self._require(Status.REQUESTED, Status.RETURNED)
        changed = self._done(Deed.WITHDRAWN, Status.WITHDRAWN, act)
        return changed, PermissionWithdrawn(**changed.told())

    def give_back(self, act: Act) -> tuple["Permission", Event]:
        """Ask back before deciding. Raises ``NotAskedFor`` or ``QuestionOpen``."""
        if self.status is Status.RETURNED:
            raise QuestionOpen
        self._require(Status.REQUESTED)
        changed = self._done(Deed.RETURNED, Status.RETURNED, act)
        return changed, PermissionReturned(**changed.told())

    def grant(self, scope: Scope, act: Act) -> tuple["Permission", Event]:
        """Let the application call. Raises ``NotAskedFor``, ``MoreThanAsked`` or ``ValidityNotUsable``."""
        self._require(Status.REQUESTED, Status.RETURNED)
        scope.require_within(self.wish.scope)
        scope.require_ahead(act.at)
        begun = scope if scope.valid_from is not None else replace(scope, valid_from=act.at)
        changed = self._done(Deed.GRANTED, Status.GRANTED, act, granted=begun)
        return changed, PermissionGranted(**changed.told())

    def refuse(self, act: Act) -> tuple["Permission", Event]:
        """Decline. Raises ``NotAskedFor``."""
        self._require(Status.REQUESTED, Status.RETURNED)
        changed = self._done(Deed.REFUSED, Status.REFUSED, act)
        return changed, PermissionRefused(**changed.told())

    def revoke(self, act: Act) -> tuple["Permission", Event]:
        """Take back what was granted. Raises ``NotGranted``."""
        self._require(Status.GRANTED, refusal=NotGranted)
        changed = self._done(Deed.REVOKED, Status.REVOKED, act)
        return changed, PermissionRevoked(**changed.told())

    def extend(self, valid_to: datetime | None, act: Act) -> tuple["Permission", Event]:
        """Let it end at another moment, or never, also after it has lapsed. Raises ``NotGranted`` or ``ValidityNotUsable``."""
        self._require(Status.GRANTED, Status.LAPSED, refusal=NotGranted)
        scope = replace(self.scope, valid_to=valid_to)
        scope.require_ahead(act.at)
        changed = self._done(Deed.EXTENDED, Status.GRANTED, act, granted=scope)
        return changed, PermissionExtended(**changed.told())

    def begin(self, act: Act) -> tuple["Permission", Event]:
        """Note that the time of what was granted ahead has come."""
        changed = self._done(Deed.BEGAN, Status.GRANTED, replace(act, reason=self.reason))
        return changed, PermissionBegan(**changed.told())

    def lapse(self, act: Act) -> tuple["Permission", Event]:
        """End it by itself. Raises ``NotGranted``."""
        self._require(Status.GRANTED, refusal=NotGranted)
        changed = self._done(Deed.LAPSED, Status.LAPSED, act)
        return changed, PermissionLapsed(**changed.told())

    def end(self, act: Act) -> tuple["Permission", Event]:
        """End whatever stands, because there is nobody any more whom it is about."""
        return self.lapse(act) if self.status is Status.GRANTED else self.withdraw(act)

    def told(self) -> dict[str, Any]:
        """Return what every fact about the permission tells."""
        scope = self.scope
        return {
            "permission_id": self.id,
            "application_id": self.application_id,
            "organization_id": self.organization_id,
            "product_id": self.product_id,
            "provider_id": self.provider_id,
            "status": self.status.value,
            "operations": scope.operations,
            "valid_from": scope.valid_from,
            "valid_to": scope.valid_to,
            "quota_calls": scope.quota.calls if scope.quota else None,
            "quota_period": scope.quota.period if scope.quota else None,
            "reason": self.reason,
        }

    def _require(self, *statuses: Status, refusal: type[Conflict] = NotAskedFor) -> None:
        if self.status not in statuses:
            raise refusal(f"{refusal.default_message()} It is {_SAID[self.status]}.")

    def _done(
        self, deed: Deed, status: Status, act: Act, *, wish: Wish | None = None, granted: Scope | None = None
    ) -> "Permission":
        changed = replace(self, wish=wish or self.wish, granted=granted or self.granted, status=status, reason=act.reason)
        change = Change(deed, status, act.reason, act.actor, act.at, changed.scope.valid_to)
        return replace(changed, changed_at=act.at, history=(*self.history, change))


_SAID: Mapping[Status, str] = {
    Status.REQUESTED: "asked for and not decided",
    Status.RETURNED: "asked back, and waits for an answer",
    Status.GRANTED: "granted",
    Status.REFUSED: "refused; ask anew",
    Status.REVOKED: "revoked; ask anew",
    Status.LAPSED: "over; it may be extended, or asked for anew",
    Status.WITHDRAWN: "withdrawn; ask anew",
}


def request(permission_id: str, application: Application, product: Product, wish: Wish, *, act: Act) -> tuple[Permission, Event]:
    """Return what is asked for, and the announcement. Raises ``OpenToEverybody`` or ``ValidityNotUsable``."""
    return _new(permission_id, application, product, wish, act=act).ask(act)


def grant_unasked(
    permission_id: str, application: Application, product: Product, wish: Wish, *, act: Act
) -> tuple[Permission, Event]:
    """Return what the provider grants without having been asked. Raises ``OpenToEverybody`` or ``ValidityNotUsable``."""
    return _new(permission_id, application, product, wish, act=act).grant(wish.scope, act)


def _new(permission_id: str, application: Application, product: Product, wish: Wish, *, act: Act) -> Permission:
    if product.is_open_test:
        raise OpenToEverybody
    return Permission(
        id=permission_id,
        application_id=application.id,
        organization_id=application.organization_id,
        product_id=product.id,
        provider_id=product.provider_id,
        status=Status.REQUESTED,
        wish=wish,
        granted=None,
        reason=None,
        created_at=act.at,
        changed_at=act.at,
        history=(),
    )
