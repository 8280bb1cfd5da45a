"""Who is told what: one table from the announcement to the notices.

A row names the kind of notice (its words are in ``texts``) and its topic, whom it goes to, where its one link leads, and when it
is told at all. What others announce is read as data; a field that is not there is simply not told.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from services.notifications.notices.domain import News, Side, Telling, Whom, always
from services.notifications.preferences.domain import Topic

_ID = re.compile(r"[a-z]{3}_[0-9A-Za-z]{1,40}")


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
    "onboarding": _Thing("onboarding", "request_id"),
    "support": _Thing("support", "request_id"),
    "campaigns": _Thing("campaigns", "campaign_id"),
}
PLACES = tuple(_THINGS)
BEGINNING = "sign-in"
"""Where everybody begins: where a notice leads that is about no thing with an id."""


def about_of(place: str, news: News) -> str | None:
    """Return the id of the thing that a notice is about, or None where there is none."""
    identifier = "" if place == BEGINNING else news.text(_THINGS[place].field) or ""
    return identifier if _ID.fullmatch(identifier) else None


def path_to(place: str, news: News) -> str:
    """Return the path of the thing that a notice is about: its id and nothing else; without one, where everybody begins."""
    identifier = about_of(place, news)
    return f"/{place}/{identifier}" if identifier else f"/{BEGINNING}"


_ASKING = Whom(Side.RECIPIENT, "REQUEST_PERMISSION")
_SUBSCRIBING = Whom(Side.RECIPIENT, "SUBSCRIBE")
_FILING = Whom(Side.RECIPIENT, "FILE_CONNECTION_REQUEST")
_PERMITTING = Whom(Side.PROVIDER, "DECIDE_PERMISSIONS")
_DECIDING = Whom(Side.PROVIDER, "DECIDE_SUBSCRIPTIONS")
_CONCLUDING = Whom(Side.PROVIDER, "CONCLUDE_AGREEMENTS")
_AFFECTED = Whom(Side.AFFECTED, "SUBSCRIBE")
_ADMINISTRATORS = Whom(Side.STAFF, role="OPERATOR_ADMINISTRATOR")
_SECURITY = Whom(Side.STAFF, role="SECURITY_OFFICER")
_REPRESENTATIVE = Whom(Side.REPRESENTATIVE)
_ANSWERABLE = Whom(Side.RECIPIENT, "MANAGE_CERTIFICATES")
_CONFIRMING = Whom(Side.RECIPIENT, "RECERTIFY")
_REISSUING = Whom(Side.RECIPIENT, "REISSUE_SECRET")
_HOOKING = Whom(Side.RECIPIENT, "MANAGE_WEBHOOKS")
_ADDRESSED = Whom(Side.ADDRESSED, field="asking")
_ADDRESSED_PROVIDER = Whom(Side.ADDRESSED, field="provider")


def _party_is(*names: str) -> Callable[[News], bool]:
    return lambda news: news.data.get("party") in names


def _by_itself(news: News) -> bool:
    """Say whether a webhook was disabled because of what its address answers, and by nobody's hand."""
    return news.text("because") in ("GONE", "FAILING")


def _permission(kind: str, *to: Whom, link: str = "see") -> tuple[Telling, ...]:
    return (Telling(kind, Topic.PERMISSIONS, to or (_ASKING,), link, "permissions"),)


def _subscription(kind: str, *to: Whom, link: str = "see", when: Callable[[News], bool] = always) -> tuple[Telling, ...]:
    return (Telling(kind, Topic.SUBSCRIPTIONS, to or (_SUBSCRIBING,), link, "subscriptions", when),)


def _connection(kind: str, *to: Whom, link: str = "see") -> tuple[Telling, ...]:
    return (Telling(kind, Topic.CONNECTIONS, to or (_FILING,), link, "connections"),)


def _agreement(kind: str, *to: Whom, link: str = "see") -> tuple[Telling, ...]:
    return (Telling(kind, Topic.AGREEMENTS, to or (_FILING, _CONCLUDING), link, "agreements"),)


def _step(kind: str) -> tuple[Telling, ...]:
    """Tell the party of a step; the operator's is that of the representative, too."""
    return (
        Telling(kind, Topic.APPROVALS, (_CONCLUDING,), "decide", "connections", _party_is("PROVIDER")),
        Telling(kind, Topic.APPROVALS, (_SECURITY,), "decide", "connections", _party_is("SECURITY")),
        Telling(kind, Topic.APPROVALS, (_ADMINISTRATORS, _REPRESENTATIVE), "decide", "connections", _party_is("OPERATOR")),
    )


def _version(kind: str) -> tuple[Telling, ...]:
    return (Telling(kind, Topic.VERSIONS, (_AFFECTED,), "see", "products"),)


def _secure(kind: str, to: Whom) -> Telling:
    """Tell of what touches an organization's security: also whoever did it, in whose name it may have been done."""
    return Telling(kind, Topic.SECURITY, (to,), "begin", BEGINNING, is_for_actor=True, about_organization=True)


def _onboarding(kind: str, *, link: str = "see", is_for_actor: bool = False) -> tuple[Telling, ...]:
    """Tell those who asked; of what they filed they get a receipt."""
    telling = Telling(kind, Topic.ONBOARDING, (_ADDRESSED,), link, "onboarding", is_for_actor=is_for_actor)
    return (replace(telling, about_organization=True),)


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
        Telling("agreement_attached", Topic.AGREEMENTS, (_FILING, _REPRESENTATIVE), "see", "agreements", _party_is("PROVIDER")),
        Telling(
            "agreement_attached", Topic.AGREEMENTS, (_CONCLUDING, _REPRESENTATIVE), "see", "agreements", _party_is("RECIPIENT")
        ),
    ),
    "agreement_returned": _agreement("agreement_returned", link="correct"),
    "agreement_confirmed": _agreement("agreement_confirmed"),
    "agreement_expiring": _agreement("agreement_expiring"),
    "agreement_lapsed": _agreement("agreement_lapsed"),
    "approval_step_opened": _step("approval_step_opened"),
    "approval_step_due_soon": _step("approval_step_due_soon"),
    "approval_step_overdue": _step("approval_step_overdue"),
    "approval_step_escalated": (Telling("approval_step_escalated", Topic.APPROVALS, (_ADMINISTRATORS,), "see", "connections"),),
    "approver_substituted": (Telling("approver_substituted", Topic.APPROVALS, (Whom(Side.NAMED),), "see", "connections"),),
}
_OF_CATALOG: Mapping[str, tuple[Telling, ...]] = {
    "api_version_deprecated": _version("api_version_deprecated"),
    "api_version_undeprecated": _version("api_version_undeprecated"),
    "api_version_retired": _version("api_version_retired"),
}
_OF_IDENTITY: Mapping[str, tuple[Telling, ...]] = {
    "platform_role_granted": (Telling("platform_role_granted", Topic.SECURITY, (Whom(Side.NAMED),), "begin", BEGINNING),),
    "owner_changed": (
        _secure("owner_named", Whom(Side.NAMED, field="owner_id")),
        _secure("owner_replaced", Whom(Side.NAMED, field="former_owner_id")),
    ),
    "certificate_expiring": (_secure("certificate_expiring", _ANSWERABLE),),
    "secret_expiring": (_secure("secret_expiring", _REISSUING),),
    "onboarding_submitted": _onboarding("onboarding_submitted", is_for_actor=True),
    "onboarding_returned": _onboarding("onboarding_returned", link="correct"),
    "onboarding_rejected": _onboarding("onboarding_rejected"),
    "onboarding_approved": (
        *_onboarding("onboarding_approved"),
        Telling("onboarding_provider_informed", Topic.ONBOARDING, (_ADDRESSED_PROVIDER,), "begin", BEGINNING),
    ),
}


def _support(kind: str, *to: Whom, when: Callable[[News], bool] = always, has_letter: bool = True) -> Telling:
    return Telling(kind, Topic.SUPPORT, to, "see", "support", when, has_letter=has_letter)


def _written_by(side: str, **data: object) -> Callable[[News], bool]:
    return lambda news: news.data.get("side") == side and all(news.data.get(name) == each for name, each in data.items())


def _is_held(news: News) -> bool:
    return news.data.get("side") == "USER" and news.text("holder_id") is not None


def _is_done_by_somebody(news: News) -> bool:
    return not (news.actor or "").startswith("system:")


_SUPPORT = Whom(Side.STAFF, role="SUPPORT")
_HOLDER = Whom(Side.NAMED, field="holder_id")
_ASKER = Whom(Side.NAMED, field="opened_by")
_OF_NOTIFICATIONS: Mapping[str, tuple[Telling, ...]] = {
    "support_opened": (_support("support_opened", _SUPPORT, _ADMINISTRATORS),),
    "support_replied": (
        # What answers them goes to those who ask as a letter of its own, which they can answer.
        _support("support_answered", _ASKER, when=lambda news: news.data.get("side") != "USER", has_letter=False),
        _support("support_written", _HOLDER, when=_is_held),
        _support("support_written", _SUPPORT, _ADMINISTRATORS, when=_written_by("USER", holder_id=None)),
        _support("support_written", _PERMITTING, when=_written_by("USER", waits_for="PROVIDER")),
    ),
    "support_provider_involved": (_support("support_provider_involved", _PERMITTING),),
    "support_closed": (_support("support_closed", _ASKER, when=_is_done_by_somebody),),
    "webhook_disabled": (Telling("webhook_disabled", Topic.WEBHOOKS, (_HOOKING,), "begin", BEGINNING, _by_itself),),
}
_OF_RECERTIFICATION: Mapping[str, tuple[Telling, ...]] = {
    fact: (Telling(fact, Topic.RECERTIFICATION, (_CONFIRMING,), link, "campaigns", about_organization=True),)
    for fact, link in (
        ("campaign_started", "decide"),
        ("campaign_reminded", "decide"),
        ("item_suspended", "decide"),
        ("campaign_finished", "see"),
        ("campaign_cancelled", "see"),
    )
}
_OF_ENFORCEMENT: Mapping[str, tuple[Telling, ...]] = {
    "quota_threshold_reached": (
        *_subscription("quota_threshold_reached", when=lambda news: news.text("permission_id") is None),
        *_subscription("permission_quota_threshold_reached", when=lambda news: news.text("permission_id") is not None),
    )
}
TABLE: Mapping[str, tuple[Telling, ...]] = {
    **{f"subscriptions.{fact}.v1": told for fact, told in _OF_SUBSCRIPTIONS.items()},
    **{f"catalog.{fact}.v1": told for fact, told in _OF_CATALOG.items()},
    **{f"identity.{fact}.v1": told for fact, told in _OF_IDENTITY.items()},
    **{f"enforcement.{fact}.v1": told for fact, told in _OF_ENFORCEMENT.items()},
    **{f"notifications.{fact}.v1": told for fact, told in _OF_NOTIFICATIONS.items()},
    **{f"recertification.{fact}.v1": told for fact, told in _OF_RECERTIFICATION.items()},
}
KEYS = tuple(TABLE)
KINDS = tuple(dict.fromkeys(each.kind for told in TABLE.values() for each in told))


def tellings_of(news: News) -> tuple[Telling, ...]:
    """Return what is to be told of a piece of news."""
    return tuple(each for each in TABLE.get(news.key, ()) if each.when(news))
