"""What recertification does when others announce something: it remembers who holds what, and what ended meanwhile."""

from datetime import UTC, date, datetime
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from chassis.errors import Invalid
from chassis.inbox import On, copy_if_newer
from chassis.messages import Heard
from chassis.mongo import Transaction
from services.recertification.items import actions as items
from services.recertification.known import actions
from services.recertification.known.actions import Call, News
from services.recertification.known.domain import Kind

_Milliseconds = Annotated[int, Field(ge=0, lt=253_402_300_800_000)]


class AnnouncementNotUsable(Invalid):
    """The announcement lacks a field that is needed here, or has something else in it."""


def _take(heard: Heard, *names: str) -> dict[str, str]:
    taken = {}
    for name in names:
        value = heard.data.get(name)
        if not isinstance(value, str):
            raise AnnouncementNotUsable(f"{heard.key} {heard.id} has no text in the field {name}.")
        taken[name] = value
    return taken


def _moment(heard: Heard, name: str) -> datetime | None:
    text = heard.data.get(name)
    if text is None:
        return None
    try:
        moment = datetime.fromisoformat(text)
        if moment.tzinfo is None:
            raise ValueError("it lacks its offset from UTC")  # noqa: TRY301 - one way for all that is no moment
        return moment.astimezone(UTC)
    except (TypeError, ValueError, OverflowError) as error:
        raise AnnouncementNotUsable(f"{heard.key} {heard.id} has no moment in the field {name}.") from error


def _fact(heard: Heard) -> str:
    return heard.key.split(".")[1]


async def _remember(tx: Transaction, heard: Heard, news: News, **fields: Any) -> None:
    ended = await actions.remember(tx, heard, news, fields)
    if ended is not None:
        await items.end_items_of_thing(tx, ended)


async def remember_permission(tx: Transaction, heard: Heard) -> None:
    """Keep what an application is permitted to call, and until when."""
    told = _take(heard, "permission_id", "organization_id", "application_id", "product_id", "provider_id", "status")
    begins = _fact(heard) == "permission_granted"
    news = News(Kind.PERMISSION, told["permission_id"], told["organization_id"], told["status"] == "GRANTED", begins=begins)
    beside = {name: told[name] for name in ("application_id", "product_id", "provider_id")}
    await _remember(tx, heard, news, **beside, lapses_at=_moment(heard, "valid_to"))


async def remember_subscription(tx: Transaction, heard: Heard) -> None:
    """Keep which subscriptions are in force, held or not."""
    told = _take(heard, "subscription_id", "organization_id", "application_id", "product_id", "provider_id", "status")
    begins = _fact(heard) == "subscription_activated"
    is_live = told["status"] in ("ACTIVE", "SUSPENDED")
    news = News(Kind.SUBSCRIPTION, told["subscription_id"], told["organization_id"], is_live, begins=begins)
    await _remember(tx, heard, news, **{name: told[name] for name in ("application_id", "product_id", "provider_id")})


async def remember_agreement(tx: Transaction, heard: Heard) -> None:
    """Keep which agreements are confirmed, and until when they hold."""
    told = _take(heard, "agreement_id", "organization_id", "product_id", "provider_id", "status", "kind")
    begins = _fact(heard) == "agreement_confirmed"
    news = News(Kind.AGREEMENT, told["agreement_id"], told["organization_id"], told["status"] == "CONFIRMED", begins=begins)
    beside = {"product_id": told["product_id"], "provider_id": told["provider_id"], "detail": told["kind"]}
    await _remember(tx, heard, news, **beside, lapses_at=_moment(heard, "valid_to"))


async def remember_member(tx: Transaction, heard: Heard) -> None:
    """Keep who belongs to which organization."""
    told = _take(heard, "organization_id", "user_id")
    fact = _fact(heard)
    detail = {} if fact == "member_removed" else {"detail": _take(heard, "role")["role"]}
    news = News(Kind.MEMBER, told["user_id"], told["organization_id"], fact != "member_removed", begins=fact == "member_joined")
    await _remember(tx, heard, news, **detail)


async def remember_owner(tx: Transaction, heard: Heard) -> None:
    """Keep who owns which organization."""
    told = _take(heard, "organization_id", "owner_id")
    await actions.remember_owner(tx, heard, told["organization_id"], told["owner_id"])
    if _fact(heard) == "owner_changed":
        former = _take(heard, "former_owner_id")["former_owner_id"]
        # Whoever was the Owner is an Administrator now, and so one of those who are confirmed.
        for user_id, role in ((former, "ADMINISTRATOR"), (told["owner_id"], "OWNER")):
            await _remember(tx, heard, News(Kind.MEMBER, user_id, told["organization_id"], is_live=True), detail=role)


async def remember_certificate(tx: Transaction, heard: Heard) -> None:
    """Keep which client certificates are registered, and until when they are valid."""
    told = _take(heard, "certificate_id", "organization_id", "thumbprint")
    begins = _fact(heard) == "certificate_registered"
    fields: dict[str, Any] = {"application_id": heard.data.get("application_id"), "detail": told["thumbprint"]}
    fields["lapses_at"] = _moment(heard, "not_after") if begins else None
    await _remember(
        tx, heard, News(Kind.CERTIFICATE, told["certificate_id"], told["organization_id"], begins, begins=begins), **fields
    )


async def remember_organization(tx: Transaction, heard: Heard) -> None:
    """Keep what an organization is called."""
    await copy_if_newer(tx, "organization_names", heard, _take(heard, "name"))


async def remember_end_of_organization(tx: Transaction, heard: Heard) -> None:
    """Keep that an organization is gone: nothing of it is asked for any more."""
    await copy_if_newer(tx, "ended_organizations", heard, {})
    await items.end_items_of_organization(tx, heard.subject)


async def remember_product(tx: Transaction, heard: Heard) -> None:
    """Keep whose a product is, and what it is called."""
    await copy_if_newer(tx, "products", heard, _take(heard, "organization_id", "title"))


async def remember_application(tx: Transaction, heard: Heard) -> None:
    """Keep whose an application is, and what it is called."""
    await copy_if_newer(tx, "applications", heard, _take(heard, "organization_id", "name"))


async def note_seen(tx: Transaction, heard: Heard) -> None:
    """Keep on which day somebody was there last."""
    told = _take(heard, "user_id", "day")
    try:
        day = datetime.combine(date.fromisoformat(told["day"]), datetime.min.time(), UTC)
    except ValueError as error:
        raise AnnouncementNotUsable(f"{heard.key} {heard.id} has no day in the field day.") from error
    await actions.note_seen(tx, told["user_id"], day)


async def forget_user(tx: Transaction, heard: Heard) -> None:
    """Forget when somebody was there last who is gone for good."""
    await actions.forget_user(tx, _take(heard, "user_id")["user_id"])


class _Call(BaseModel):
    model_config = ConfigDict(frozen=True)

    at: _Milliseconds
    rejection: str | None = None
    subscription_id: str | None = None
    application_id: str | None = None
    organization_id: str | None = None
    product_id: str | None = None


class _Calls(BaseModel):
    model_config = ConfigDict(frozen=True)

    records: tuple[_Call, ...]


async def count_calls(tx: Transaction, heard: Heard) -> None:
    """Keep on which day what was called last; a call that was refused is no use."""
    try:
        told = _Calls.model_validate(heard.data)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(str(part) for part in first["loc"])
        raise AnnouncementNotUsable(f"{heard.key} {heard.id}: {place}: {first['msg']}.") from error
    calls = [
        Call(
            datetime.fromtimestamp(each.at / 1000, UTC),
            each.subscription_id,
            each.application_id,
            each.organization_id,
            each.product_id,
        )
        for each in told.records
        if each.rejection is None
    ]
    await actions.count_calls(tx, calls, heard.time)


def _of(service: str, *facts: str) -> tuple[str, ...]:
    return tuple(f"{service}.{each}.v1" for each in facts)


REACTIONS = (
    On(
        remember_permission,
        *(f"subscriptions.permission_{each}.v1" for each in ("granted", "began", "refused", "revoked", "lapsed", "extended")),
    ),
    On(
        remember_subscription,
        *(f"subscriptions.subscription_{each}.v1" for each in ("activated", "rejected", "cancelled", "suspended", "resumed")),
    ),
    On(remember_agreement, *(f"subscriptions.agreement_{each}.v1" for each in ("confirmed", "began", "expiring", "lapsed"))),
    On(remember_member, *_of("identity", "member_joined", "role_changed", "member_removed")),
    On(remember_owner, *_of("identity", "organization_created", "owner_changed")),
    On(remember_certificate, *_of("identity", "certificate_registered", "certificate_revoked")),
    On(remember_organization, *_of("identity", "organization_created", "organization_renamed")),
    On(remember_end_of_organization, "identity.organization_deleted.v1"),
    On(remember_product, "catalog.product_created.v1", "catalog.product_changed.v1"),
    On(remember_application, *_of("identity", "application_created", "application_changed")),
    On(note_seen, "identity.user_seen.v1"),
    On(forget_user, "identity.user_erased.v1"),
    # Batches meet in the same days: handled side by side they would only make one another run again.
    On(count_calls, "enforcement.calls_recorded.v1", at_once=1),
)
