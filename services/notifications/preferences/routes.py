"""How to ask for preferences over HTTP."""

from typing import Any

from pydantic import BaseModel, ConfigDict, Field
from starlette.routing import BaseRoute

from chassis.mongo import Reader
from chassis.web import Asked, Edge, Json, Routes
from services.notifications.known.access import mail_refused_at
from services.notifications.preferences import access, actions
from services.notifications.preferences.domain import ALWAYS_MAILED, Preferences, Topic, organizations_in


class ChangeNoticePreference(BaseModel):
    """What ``change_notice_preference`` takes; without a topic all that nothing else is said of, without ``mail`` no choice."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    topic: Topic | None = None
    organization_id: str | None = Field(None, max_length=60)
    mail: bool | None = None


def _rows(preferences: Preferences) -> list[dict[str, Any]]:
    """Return one row for each topic everywhere, one for all else, and those for organizations for which something was chosen."""
    said = {each.place: each.mail for each in preferences.choices}
    rows: list[dict[str, Any]] = []
    for organization_id in (None, *organizations_in(preferences.choices)):
        for topic in (None, *Topic):
            if organization_id is None or (topic, organization_id) in said:
                why = ALWAYS_MAILED.get(topic) if topic else None
                effective = preferences.wants_mail(topic, organization_id) if topic else said.get((None, organization_id), True)
                rows.append(
                    {
                        "topic": topic,
                        "organization_id": organization_id,
                        "mail": effective,
                        "is_chosen": (topic, organization_id) in said,
                        "always_because": why,
                    }
                )
    return rows


async def _row(reader: Reader, preferences: Preferences) -> dict[str, Any]:
    refused_at = await mail_refused_at(reader, preferences.user_id)
    return {"mail_refused_at": refused_at, "preferences": _rows(preferences)}


async def _change(asked: Asked) -> Json:
    given = asked.read(ChangeNoticePreference)
    chosen = await asked.transact(
        lambda tx: actions.change_notice_preference(tx, given.topic, given.organization_id, mail=given.mail)
    )
    return await _row(asked.reader(), chosen)


async def _own(asked: Asked) -> Json:
    if asked.principal.is_anonymous:
        return [None for _ in asked.keys]
    row = await _row(asked.reader(), await access.own(asked.reader()))
    return [row for _ in asked.keys]


def routes(edge: Edge) -> list[BaseRoute]:
    """Return the routes of preferences."""
    r = Routes(edge)
    r.do("change_notice_preference", _change)
    r.load("notice_preferences_of_viewer", _own)
    return r.collected
