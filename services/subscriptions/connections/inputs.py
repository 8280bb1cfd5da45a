"""What the verbs of connection requests take, as it is sent."""

from typing import Annotated

from pydantic import Field, StringConstraints

from services.subscriptions.agreements.domain import Kind
from services.subscriptions.agreements.inputs import Id, Input, Reason
from services.subscriptions.connections.domain import Form, Status

_MOST_APPLICATIONS = 50
_MOST_CATEGORIES = 50
_MOST_REASONS = 30
_Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=2000)]
_Category = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)]


class _Wanted(Input):
    application_ids: Annotated[tuple[Id, ...], Field(min_length=1, max_length=_MOST_APPLICATIONS)]
    purpose: _Text
    legal_basis: _Text
    data_categories: Annotated[tuple[_Category, ...], Field(max_length=_MOST_CATEGORIES)] = ()
    contact_note: Annotated[str, StringConstraints(strip_whitespace=True, max_length=1000)] | None = None

    def to_form(self) -> Form:
        """Return the form, each application and category once."""
        return Form(
            application_ids=tuple(dict.fromkeys(self.application_ids)),
            purpose=self.purpose,
            legal_basis=self.legal_basis,
            data_categories=tuple(dict.fromkeys(self.data_categories)),
            contact_note=self.contact_note or None,
        )


class FileRequest(_Wanted):
    """What an organization asks for: to be connected to which product, with which applications, and why."""

    organization_id: Id
    product_id: Id


class ChangeRequest(_Wanted):
    """The whole form of a request as it is to be."""

    request_id: Id


class OfRequest(Input):
    """Which request."""

    request_id: Id


class WithdrawRequest(Input):
    """Which request is taken back, and perhaps why."""

    request_id: Id
    reason: Reason | None = None


class RejectRequest(Input):
    """Which request is turned down, and why."""

    request_id: Id
    reason: Reason


class ReturnRequest(Input):
    """Which request goes back, and why."""

    request_id: Id
    reasons: Annotated[tuple[Reason, ...], Field(min_length=1, max_length=_MOST_REASONS)]


class AssignRepresentative(Input):
    """Who runs which request."""

    request_id: Id
    user_id: Id


class RequestDocument(Input):
    """Which document a request takes, too."""

    request_id: Id
    kind: Kind


class ListArguments(Input):
    """Which page of a list, and of which status only."""

    status: Status | None = None
    first: int | None = None
    after: str | None = None


class QueueArguments(ListArguments):
    """Which page of the operator's queue, and whether one's own alone."""

    mine: bool = False
