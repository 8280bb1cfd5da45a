"""How to ask over HTTP why a call is refused, or would be."""

from datetime import UTC, datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, StringConstraints
from starlette.routing import BaseRoute

from chassis.messages import to_timestamp
from chassis.web import Asked, BodyNotReadable, Edge, Json, Routes, read_input
from services.enforcement.explaining.access import Explaining
from services.enforcement.explaining.domain import Explanation, Outcome, Question, Told
from services.enforcement.explaining.mending import Mender, Side

MOST_QUESTIONS = 50
Id = Annotated[str, StringConstraints(min_length=1, max_length=64)]


class Key(BaseModel):
    """One question: may this application call this operation of this product."""

    model_config = ConfigDict(extra="forbid")

    application_id: Id
    product_id: Id
    operation: Annotated[str, StringConstraints(min_length=1, max_length=256)]
    version_id: Id | None = None
    environment: Literal["PRODUCTION", "SANDBOX"] = "PRODUCTION"


def _question(key: object) -> Question:
    given = read_input(Key, key)
    return Question(given.application_id, given.product_id, given.operation, given.version_id, given.environment)


def _mender(mender: Mender, explanation: Explanation) -> dict[str, Any]:
    of = {Side.RECIPIENT: explanation.organization_id, Side.PROVIDER: explanation.provider_id, Side.OPERATOR: None}
    is_operator = mender.side is Side.OPERATOR
    return {
        "side": mender.side.value,
        "organization_id": of[mender.side],
        "role_action": None if is_operator else mender.action,
        "platform_role": mender.action if is_operator else None,
        "verb": mender.verb,
    }


def _link(told: Told, explanation: Explanation) -> dict[str, Any]:
    return {
        "link": told.link.value,
        "outcome": told.outcome.value,
        "code": told.code,
        "message": told.message,
        "causes": list(told.causes),
        "menders": [_mender(each, explanation) for each in told.menders],
        "action": next((each.verb for each in told.menders if each.verb is not None), None),
        "until": None if told.until is None else _moment(told.until * 1_000_000_000),
        "as_of": None if told.as_of_ns is None else _moment(told.as_of_ns),
    }


def _moment(nanoseconds: int) -> str:
    return to_timestamp(datetime.fromtimestamp(nanoseconds / 1_000_000_000, UTC))


def _row(explanation: Explanation | None) -> dict[str, Any] | None:
    if explanation is None:
        return None
    links = [_link(each, explanation) for each in explanation.links]
    return {
        "allowed": explanation.code is None,
        "code": explanation.code,
        "failing": next((each for each in links if each["outcome"] == Outcome.FAILS), None),
        "links": links,
        "application_id": explanation.application_id,
        "organization_id": explanation.organization_id,
        "product_id": explanation.product_id,
        "version_id": explanation.version_id,
        "operation_id": explanation.operation_id,
        "subscription_id": explanation.subscription_id,
        "plan_id": explanation.plan_id,
        "request_id": explanation.request_id,
        "environment": explanation.environment,
        "epoch": explanation.epoch,
        "decided_at": _moment(explanation.at_ns),
    }


def routes(edge: Edge, explaining: Explaining) -> list[BaseRoute]:
    """Return the routes."""

    async def load_explanations(asked: Asked) -> Json:
        if len(asked.keys) > MOST_QUESTIONS:
            raise BodyNotReadable(f"keys: give at most {MOST_QUESTIONS} keys")
        return [_row(each) for each in await explaining.answers(asked.reader(), [_question(key) for key in asked.keys])]

    async def load_refusals(asked: Asked) -> Json:
        return [_row(each) for each in await explaining.refusals(asked.reader(), asked.ids)]

    r = Routes(edge)
    r.load("access_explanations", load_explanations)
    r.load("refusals_by_request", load_refusals)
    return r.collected
