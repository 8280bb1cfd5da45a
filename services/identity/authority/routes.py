"""How to ask about authority."""

from pydantic import Field
from starlette.routing import BaseRoute

from chassis.errors import invalid
from chassis.web import Asked, Edge, Json, Routes
from services.identity.authority import access, actions
from services.identity.authority.actions import PassportOffice
from services.identity.inputs import Input
from services.identity.organizations.roles import ACTIONS
from services.identity.sessions.actions import note_seen


class IssuePassport(Input):
    """What ``issue_passport`` takes: the token of a session."""

    token: str = Field(max_length=200)


class _Handlers:
    def __init__(self, office: PassportOffice) -> None:
        self._office = office

    async def issue_passport(self, asked: Asked) -> Json:
        given = asked.read(IssuePassport)
        passport = await actions.issue_passport(asked.reader(), given.token, self._office)
        if passport.is_first_of_day:
            await asked.transact(lambda tx: note_seen(tx, passport.user_id))
        return {
            "passport": passport.text,
            "expires_at": passport.expires_at,
            "user_id": passport.user_id,
            "session_id": passport.session_id,
        }

    async def issue_visitor_passport(self, asked: Asked) -> Json:
        passport = actions.issue_visitor_passport(asked.reader(), self._office)
        return {"passport": passport.text, "expires_at": passport.expires_at}


def _question(key: object) -> tuple[str, str]:
    if not isinstance(key, dict) or not isinstance(key.get("on"), str):
        raise invalid("on", "give the id of an organization or application")
    if key.get("action") not in ACTIONS:
        raise invalid("action", f"give one of {', '.join(ACTIONS)}")
    return key["action"], key["on"]


async def _permits(asked: Asked) -> Json:
    answers = await access.permits(asked.reader(), [_question(key) for key in asked.keys])
    return [{"allowed": each.allowed, "reason": each.reason} for each in answers]


def routes(edge: Edge, office: PassportOffice) -> list[BaseRoute]:
    """Return the routes of authority."""
    r = Routes(edge)
    handlers = _Handlers(office)
    r.do_for_anyone("issue_passport", handlers.issue_passport)
    r.do_for_anyone("issue_visitor_passport", handlers.issue_visitor_passport)
    r.load("permits", _permits)
    return r.collected
