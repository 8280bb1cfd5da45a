"""What is sent about permissions, as it is read."""

from datetime import UTC, datetime
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints

from chassis.clock import to_millisecond
from services.subscriptions.permissions.actions import Changes
from services.subscriptions.permissions.domain import Status
from services.subscriptions.permissions.scope import Scope, Wish, quota_of

MOST_OPERATIONS = 500
MOST_CALLS = 10**12


def _to_utc(moment: datetime) -> datetime:
    try:
        return to_millisecond(moment.astimezone(UTC))
    except OverflowError as error:
        raise ValueError("give a moment that a calendar holds") from error


def _once_each(operations: list[str]) -> list[str]:
    return list(dict.fromkeys(operations))


Id = Annotated[str, StringConstraints(min_length=1, max_length=64)]
ClientId = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)]
Reason = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=500)]
Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=2000)]
Moment = Annotated[AwareDatetime, AfterValidator(_to_utc)]
Operation = Annotated[str, StringConstraints(min_length=1, max_length=500)]
Operations = Annotated[list[Operation], Field(min_length=1, max_length=MOST_OPERATIONS), AfterValidator(_once_each)]


class _Input(BaseModel):
    model_config = ConfigDict(extra="forbid")


class _Scoped(_Input):
    """Which operations (all of them where none is named), until when, how many calls: what is not given is told by ``given``."""

    operations: Operations | None = None
    valid_to: Moment | None = None
    quota_calls: Annotated[int, Field(ge=1, le=MOST_CALLS)] | None = None
    quota_period: Literal["DAY", "MONTH"] | None = None

    @property
    def scope_given(self) -> dict[str, Any]:
        """Return the parts of the scope that were given. Raises ``QuotaNotWhole``."""
        given: dict[str, Any] = {}
        if "operations" in self.model_fields_set:
            given["operations"] = None if self.operations is None else tuple(self.operations)
        for name in ("valid_from", "valid_to"):
            if name in self.model_fields_set:
                given[name] = getattr(self, name)
        if self.model_fields_set & {"quota_calls", "quota_period"}:
            given["quota"] = quota_of(self.quota_calls, self.quota_period)
        return given


class RequestInput(_Scoped):
    """For which application what is asked of which product, what for, and by which right."""

    application_id: Id
    product_id: Id
    purpose: Text
    legal_basis: Text

    @property
    def wish(self) -> Wish:
        """Return what is asked for."""
        return Wish(Scope(**self.scope_given), self.purpose, self.legal_basis)


class ChangeInput(_Scoped):
    """What changes of a request; what is left out stays. The note answers what the provider asked back."""

    permission_id: Id
    purpose: Text | None = None
    legal_basis: Text | None = None
    note: Reason | None = None

    @property
    def changes(self) -> Changes:
        """Return what is to be another one."""
        words = {"purpose": self.purpose, "legal_basis": self.legal_basis}
        return Changes(self.scope_given, {name: text for name, text in words.items() if text is not None})


class GrantInput(_Scoped):
    """Which permission is granted; what is left out is granted as it was asked for."""

    permission_id: Id
    valid_from: Moment | None = None
    note: Reason | None = None

    @property
    def changes(self) -> Changes:
        """Return what is granted otherwise than it was asked for."""
        return Changes(self.scope_given, {})


class GrantToInput(_Scoped):
    """Which application may call which product, by its Client ID."""

    client_id: ClientId
    product_id: Id
    purpose: Text | None = None
    legal_basis: Text | None = None
    valid_from: Moment | None = None
    note: Reason | None = None

    @property
    def wish(self) -> Wish:
        """Return what is granted."""
        return Wish(Scope(**self.scope_given), self.purpose, self.legal_basis)


class WithdrawInput(_Input):
    """Which request is taken back, and why (if one likes to say)."""

    permission_id: Id
    reason: Reason | None = None


class RefuseInput(_Input):
    """Which request is declined, and why."""

    permission_id: Id
    reason: Reason


class ReturnInput(_Input):
    """Which request is asked back about, and what."""

    permission_id: Id
    question: Reason


class RevokeInput(_Input):
    """Which permission is taken back, and why."""

    permission_id: Id
    reason: Reason


class ExtendInput(_Input):
    """Which permission ends at another moment, or never."""

    permission_id: Id
    valid_to: Moment | None
    note: Reason | None = None


class ListArguments(_Input):
    """Which page of a list, and of which status only."""

    status: Status | None = None
    first: int | None = None
    after: str | None = None
