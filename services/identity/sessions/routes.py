"""How to ask about one's sessions."""

from typing import Any

from pydantic import Field
from starlette.routing import BaseRoute

from chassis.web import Asked, Edge, Json, Routes
from services.identity.inputs import Input
from services.identity.sessions import access, actions
from services.identity.sessions.domain import Session


class EndSession(Input):
    """What ``end_session`` takes."""

    session_id: str = Field(max_length=100)


def _session_row(session: Session, own_id: str | None) -> dict[str, Any]:
    return {
        "id": session.id,
        "created_at": session.created_at,
        "seen_at": session.seen_at,
        "expires_at": session.expires_at,
        "user_agent": session.seen.user_agent,
        "network_address": session.seen.network_address,
        "methods": list(session.methods),
        "is_current": session.id == own_id,
    }


async def _sign_out(asked: Asked) -> Json:
    await asked.transact(actions.sign_out)
    return {}


async def _end_session(asked: Asked) -> Json:
    given = asked.read(EndSession)
    await asked.transact(lambda tx: actions.end_session(tx, given.session_id))
    return {"session_id": given.session_id}


async def _end_other_sessions(asked: Asked) -> Json:
    return {"ended": await asked.transact(actions.end_other_sessions)}


async def _sessions_of_viewer(asked: Asked) -> Json:
    reader = asked.reader()
    rows = [_session_row(each, reader.principal.session_id) for each in await access.own_sessions(reader)]
    return [rows for _ in asked.keys]


def routes(edge: Edge) -> list[BaseRoute]:
    """Return the routes of sessions."""
    r = Routes(edge)
    r.do("sign_out", _sign_out)
    r.do("end_session", _end_session)
    r.do("end_other_sessions", _end_other_sessions)
    r.load("sessions_of_viewer", _sessions_of_viewer)
    return r.collected
