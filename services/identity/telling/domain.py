"""Who is told what: one table from the announcement to the letters.

A row names the kind of letter (its words are in ``texts``), whom it goes to, where its one link leads, and when it is sent. What
others announce is read as data; a field that is not there is simply not told.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from services.identity.accounts.domain import PlatformRole

OLD = timedelta(days=7)
MOST_LETTERS = 50
MOST_AFFECTED = 200
REASON_LENGTH = 500
NAME_LENGTH = 80
_ID = re.compile(r"[a-z]{3}_[0-9A-Za-z]{1,40}")


class Side(StrEnum):
    """From where those come who are told."""

    RECIPIENT = "RECIPIENT"
    PROVIDER = "PROVIDER"
    AFFECTED = "AFFECTED"
    STAFF = "STAFF"
    REPRESENTATIVE = "REPRESENTATIVE"
    NAMED = "NAMED"


@dataclass(frozen=True, slots=True)
class Whom:
    """Members of an organization whose role allows an action, the staff in a role, the representative, or a named user."""

    side: Side
    action: str = ""
    role: PlatformRole | None = None


@dataclass(frozen=True, slots=True)
class News:
    """What was announced. ``by_recipient`` says that a member of the recipient did it."""

    key: str
    data: Mapping[str, Any]
    actor: str | None
    by_recipient: bool = False

    def text(self, name: str) -> str | None:
        """Return a field as text, or None where there is none."""
        value = self.data.get(name)
        return value if isinstance(value, str) and value else None

    def texts(self, name: str) -> tuple[str, ...]:
        """Return a field as a list of texts."""
        value = self.data.get(name)
        return tuple(each for each in value if isinstance(each, str)) if isinstance(value, list | tuple) else ()

    def day(self, name: str) -> str:
        """Return the day of a moment as it is written in a letter, or nothing."""
        try:
            return datetime.fromisoformat(self.text(name) or "").date().isoformat()
        except ValueError:
            return ""


def _always(_news: News) -> bool:
    return True


@dataclass(frozen=True, slots=True)
class Telling:
    """One kind of letter about one kind of news: to whom, with which link (``links`` in the texts) to which thing."""

    kind: str
    to: tuple[Whom, ...]
    link: str
    place: str
    when: Callable[[News], bool] = _always


@dataclass(frozen=True, slots=True)
class _Thing:
    """What links lead to: where it stands in the portal, and the field that has its id."""

    place: str
    field: str


_THINGS = {
    "permissions": _Thing("permissions", "permission_id"),
    "subscriptions": _Thing("subscriptions", "subscription_id"),
    "connections": _Thing("connections", "request_id"),
    "agreements": _Thing("agreements", "agreement_id"),
    "products": _Thing("products", "product_id"),
}
PLACES = tuple(_THINGS)
BEGINNING = "sign-in"
"""Where everybody begins: where a letter leads that is about no thing with an id."""


def path_to(place: str, news: News) -> str:
    """Return the path of the thing that a letter is about: its id and nothing else; without one, where everybody begins."""
    identifier = "" if place == BEGINNING else news.text(_THINGS[place].field) or ""
    return f"/{place}/{identifier}" if _ID.fullmatch(identifier) else f"/{BEGINNING}"


_ASKING = Whom(Side.RECIPIENT, "REQUEST_PERMISSION")
_SUBSCRIBING = Whom(Side.RECIPIENT, "SUBSCRIBE")
_FILING = Whom(Side.RECIPIENT, "FILE_CONNECTION_REQUEST")
_PERMITTING = Whom(Side.PROVIDER, "DECIDE_PERMISSIONS")
_DECIDING = Whom(Side.PROVIDER, "DECIDE_SUBSCRIPTIONS")
_CONCLUDING = Whom(Side.PROVIDER, "CONCLUDE_AGREEMENTS")
_AFFECTED = Whom(Side.AFFECTED, "SUBSCRIBE")
_ADMINISTRATORS = Whom(Side.STAFF, role=PlatformRole.OPERATOR_ADMINISTRATOR)
_SECURITY = Whom(Side.STAFF, role=PlatformRole.SECURITY_OFFICER)
_REPRESENTATIVE = Whom(Side.REPRESENTATIVE)
_NAMED = Whom(Side.NAMED)


def _party_is(*names: str) -> Callable[[News], bool]:
    return lambda news: news.data.get("party") in names


def _permission(kind: str, *to: Whom, link: str = "see") -> tuple[Telling, ...]:
    return (Telling(kind, to or (_ASKING,), link, "permissions"),)


def _subscription(kind: str, *to: Whom, link: str = "see", when: Callable[[News], bool] = _always) -> tuple[Telling, ...]:
    return (Telling(kind, to or (_SUBSCRIBING,), link, "subscriptions", when),)


def _connection(kind: str, *to: Whom, link: str = "see") -> tuple[Telling, ...]:
    return (Telling(kind, to or (_FILING,), link, "connections"),)


def _agreement(kind: str, *to: Whom, link: str = "see") -> tuple[Telling, ...]:
    return (Telling(kind, to or (_FILING, _CONCLUDING), link, "agreements"),)


def _step(kind: str) -> tuple[Telling, ...]:
    """Tell the party of a step; the operator's is that of the representative, too."""
    return (
        Telling(kind, (_CONCLUDING,), "decide", "connections", _party_is("PROVIDER")),
        Telling(kind, (_SECURITY,), "decide", "connections", _party_is("SECURITY")),
        Telling(kind, (_ADMINISTRATORS, _REPRESENTATIVE), "decide", "connections", _party_is("OPERATOR")),
    )


def _version(kind: str) -> tuple[Telling, ...]:
    return (Telling(kind, (_AFFECTED,), "see", "products"),)


_OF_SUBSCRIPTIONS: Mapping[str, tuple[Telling, ...]] = {
    "permission_requested": _permission("permission_requested", _PERMITTING, link="decide"),
    "permission_returned": _permission("permission_returned", link="correct"),
    "permission_granted": _permission("permission_granted"),
    "permission_refused": _permission("permission_refused"),
    "permission_revoked": _permission("permission_revoked"),
    "permission_lapsed": _permission("permission_lapsed"),
    "permission_extended": _permission("permission_extended"),
    "subscription_requested": _subscription(
        "subscription_requested", _DECIDING, link="decide", when=lambda news: news.data.get("status") == "PENDING"
    ),
    "subscription_activated": _subscription("subscription_activated", when=lambda news: not news.by_recipient),
    "subscription_rejected": _subscription("subscription_rejected"),
    "subscription_suspended": _subscription("subscription_suspended"),
    "subscription_resumed": _subscription("subscription_resumed"),
    "subscription_cancelled": (
        *_subscription("subscription_cancelled_by_recipient", _DECIDING, when=lambda news: news.by_recipient),
        *_subscription("subscription_cancelled", when=lambda news: not news.by_recipient),
    ),
    "plan_changed": _subscription("plan_changed"),
    "plan_change_requested": _subscription(
        "plan_change_requested", _DECIDING, link="decide", when=lambda news: news.data.get("needs_approval", True) is True
    ),
    "plan_change_approved": _subscription("plan_change_approved"),
    "plan_change_rejected": _subscription("plan_change_rejected"),
    "plan_change_lapsed": _subscription("plan_change_lapsed"),
    "connection_requested": _connection("connection_requested", _ADMINISTRATORS, _CONCLUDING, link="decide"),
    "representative_assigned": (
        *_connection("representative_assigned"),
        *_connection("representative_named", _REPRESENTATIVE),
    ),
    "representative_released": _connection("representative_released", _ADMINISTRATORS),
    "connection_returned": _connection("connection_returned", link="correct"),
    "connection_completed": _connection("connection_completed"),
    "connection_rejected": _connection("connection_rejected"),
    "connection_withdrawn": _connection("connection_withdrawn", _CONCLUDING, _REPRESENTATIVE),
    "agreement_requested": _agreement("agreement_requested", _FILING, link="attach"),
    "agreement_attached": (
        Telling("agreement_attached", (_FILING, _REPRESENTATIVE), "see", "agreements", _party_is("PROVIDER")),
        Telling("agreement_attached", (_CONCLUDING, _REPRESENTATIVE), "see", "agreements", _party_is("RECIPIENT")),
    ),
    "agreement_returned": _agreement("agreement_returned", link="correct"),
    "agreement_confirmed": _agreement("agreement_confirmed"),
    "agreement_expiring": _agreement("agreement_expiring"),
    "agreement_lapsed": _agreement("agreement_lapsed"),
    "approval_step_opened": _step("approval_step_opened"),
    "approval_step_due_soon": _step("approval_step_due_soon"),
    "approval_step_overdue": _step("approval_step_overdue"),
    "approval_step_escalated": _connection("approval_step_escalated", _ADMINISTRATORS),
    "approver_substituted": _connection("approver_substituted", _NAMED),
}
_OF_CATALOG: Mapping[str, tuple[Telling, ...]] = {
    "api_version_deprecated": _version("api_version_deprecated"),
    "api_version_undeprecated": _version("api_version_undeprecated"),
    "api_version_retired": _version("api_version_retired"),
}
_OF_IDENTITY: Mapping[str, tuple[Telling, ...]] = {
    "platform_role_granted": (Telling("platform_role_granted", (_NAMED,), "begin", BEGINNING),),
}
TABLE: Mapping[str, tuple[Telling, ...]] = {
    **{f"subscriptions.{fact}.v1": told for fact, told in _OF_SUBSCRIPTIONS.items()},
    **{f"catalog.{fact}.v1": told for fact, told in _OF_CATALOG.items()},
    **{f"identity.{fact}.v1": told for fact, told in _OF_IDENTITY.items()},
}
KEYS = tuple(TABLE)
KINDS = tuple(dict.fromkeys(each.kind for told in TABLE.values() for each in told))


def tellings_of(news: News) -> tuple[Telling, ...]:
    """Return what is to be told of a piece of news."""
    return tuple(each for each in TABLE.get(news.key, ()) if each.when(news))


def most_each(organizations: int) -> int:
    """Return to how many members of each organization is written, so that all the letters of one event stay bounded."""
    return MOST_LETTERS if organizations <= 1 else max(1, min(MOST_LETTERS, MOST_AFFECTED // organizations))
