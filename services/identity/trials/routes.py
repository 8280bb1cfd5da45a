"""How to try an operation."""

from typing import Annotated

from pydantic import Field
from starlette.routing import BaseRoute

from chassis.web import Asked, Edge, Json, Routes
from services.identity import throttles
from services.identity.inputs import Input
from services.identity.tokens.actions import TokenOffice
from services.identity.trials import actions
from services.identity.trials.domain import Environment

_NO_KEYS = "its answer is a token, which is kept nowhere"


class TryOperation(Input):
    """What ``try_operation`` takes."""

    application_id: str
    version_id: str
    operation_id: Annotated[str, Field(max_length=200)]
    environment: Environment = Environment.PRODUCTION


def routes(edge: Edge, office: TokenOffice) -> list[BaseRoute]:
    """Return the routes of trials."""

    async def try_operation(asked: Asked) -> Json:
        given = asked.read(TryOperation)
        await throttles.count_try(asked.reader(), actions.TRIALS, asked.principal.require_signed_in())
        wanted = actions.Wanted(given.version_id, given.operation_id, given.environment)
        trial = await asked.transact(lambda tx: actions.try_operation(tx, given.application_id, wanted))
        return {"trial_id": trial.id, "access_token": actions.token_for(trial, office)}

    r = Routes(edge)
    r.do("try_operation", try_operation, without_keys=_NO_KEYS)
    return r.collected
