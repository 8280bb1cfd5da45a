"""How to ask to be welcomed."""

from pydantic import Field
from starlette.routing import BaseRoute

from chassis.web import Asked, Edge, Json, Routes
from services.identity.inputs import Input
from services.identity.welcome import actions


class VerifyEmail(Input):
    """What ``verify_email`` takes."""

    token: str = Field(max_length=200)


async def _verify_email(asked: Asked) -> Json:
    given = asked.read(VerifyEmail)
    user = await asked.transact(lambda tx: actions.verify_email(tx, given.token))
    return {"user_id": user.id}


def routes(edge: Edge) -> list[BaseRoute]:
    """Return the routes of the welcome."""
    r = Routes(edge)
    r.do("verify_email", _verify_email)
    return r.collected
