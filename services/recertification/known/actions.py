"""What is done with what others announced."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from chassis.inbox import copy_if_newer
from chassis.messages import Heard
from chassis.mongo import Transaction
from services.recertification.known import repository
from services.recertification.known.domain import Kind, day_of, key_of


@dataclass(frozen=True, slots=True)
class Call:
    """A call that passed, as far as it tells that something is used."""

    at: datetime
    subscription_id: str | None
    application_id: str | None
    organization_id: str | None
    product_id: str | None


@dataclass(frozen=True, slots=True)
class News:
    """What was announced of a thing: whose it is, and how it stands since."""

    kind: Kind
    subject_id: str
    organization_id: str
    is_live: bool
    begins: bool = False
    """Whether it is held from this moment on."""


async def remember(tx: Transaction, heard: Heard, news: News, fields: Mapping[str, Any]) -> str | None:
    """Keep how a thing stands, unless something later is known; return its key where it is not held any more."""
    key = key_of(news.kind, news.subject_id, news.organization_id)
    kept = {"kind": news.kind.value, "subject_id": news.subject_id, "organization_id": news.organization_id, **fields}
    is_news = await copy_if_newer(tx, repository.THINGS, replace(heard, subject=key), {**kept, "is_live": news.is_live})
    # What is only stated anew began at some other time.
    if news.begins and not heard.is_republished:
        await repository.note_beginning(tx, key, heard.sequence, heard.time)
    return key if is_news and not news.is_live else None


async def remember_owner(tx: Transaction, heard: Heard, organization_id: str, owner_id: str) -> None:
    """Keep who owns an organization: an Owner's place is confirmed by nobody."""
    await copy_if_newer(tx, repository.OWNERS, replace(heard, subject=organization_id), {"owner_id": owner_id})


async def count_calls(tx: Transaction, calls: Sequence[Call], heard_at: datetime) -> None:
    """Keep on which day subscriptions, applications and organizations called last."""
    days: dict[str, datetime] = {}
    for call in calls:
        day = day_of(call.at)
        keys = [
            f"sub:{call.subscription_id}" if call.subscription_id else None,
            f"app:{call.application_id}:{call.product_id}" if call.application_id and call.product_id else None,
            f"org:{call.organization_id}:{call.product_id}" if call.organization_id and call.product_id else None,
        ]
        for key in keys:
            if key is not None:
                days[key] = max(day, days.get(key, day))
    await repository.note_uses(tx, days)
    await repository.note_calls_known(tx, heard_at)


async def forget_user(tx: Transaction, user_id: str) -> None:
    """Forget when somebody was there last."""
    await repository.forget_use(tx, f"usr:{user_id}")


async def note_seen(tx: Transaction, user_id: str, day: datetime) -> None:
    """Keep on which day somebody was there last."""
    await repository.note_uses(tx, {f"usr:{user_id}": day})
