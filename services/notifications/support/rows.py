"""Support requests and their messages as those see them who may."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from services.notifications.attachments.domain import Attachment
from services.notifications.attachments.routes import attachment_row
from services.notifications.support.domain import Message, Side, SupportRequest, Topic

Row = dict[str, Any]


def request_row(request: SupportRequest, side: Side | None, names: Mapping[str, str], now: datetime) -> Row:
    """Return a request as somebody of this side sees it."""
    is_staff = side is Side.OPERATOR
    return {
        "id": request.id,
        "subject": request.subject,
        "category": request.category.value,
        "status": request.status.value,
        "priority": request.priority.value,
        "waits_for": request.waits_for.value if request.waits_for else None,
        "held_since": request.held_since,
        "held_seconds": max(0, int((now - request.held_since).total_seconds())) if request.is_open else None,
        "opened_at": request.opened_at,
        "age_seconds": max(0, int((now - request.opened_at).total_seconds())),
        "opened_by": request.opened_by,
        "opened_by_name": names.get(request.opened_by or ""),
        "organization_id": request.organization_id,
        "is_private": request.is_private,
        "topic": _topic_row(request.topic),
        "holder_id": request.holder_id,
        "holder_name": names.get(request.holder_id or ""),
        "provider_id": request.provider_id,
        "solved_at": request.solved_at,
        "closed_at": request.closed_at,
        "follows_id": request.follows,
        "mail_from": request.mail_from if is_staff else None,
        "viewer_side": side.value if side else None,
    }


def _topic_row(topic: Topic | None) -> Row | None:
    if topic is None:
        return None
    is_step = topic.kind == "STEP"
    return {
        "kind": topic.kind,
        "thing_id": None if is_step else topic.id,
        "step": topic.id if is_step else None,
        "product_id": topic.id if topic.kind == "PRODUCT" else None,
    }


def message_row(message: Message, files: Mapping[str, Attachment], names: Mapping[str, str]) -> Row:
    """Return what somebody wrote."""
    return {
        "id": message.id,
        "side": message.side.value,
        "author_id": message.author_id,
        "author_name": names.get(message.author_id or ""),
        "at": message.at,
        "text": message.text,
        "is_note": message.is_note,
        "channel": message.channel.value,
        "attachments": [attachment_row(files[key]) for key in message.attachment_ids if key in files],
    }
