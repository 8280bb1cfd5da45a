"""How to have a request built and a response judged over HTTP."""

from enum import StrEnum
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field
from starlette.routing import BaseRoute

from chassis.web import Asked, Edge, Json, Routes
from services.catalog.products.inputs import Id
from services.catalog.products.rows import Rows
from services.catalog.trials import access
from services.catalog.trials.asking import Judge
from services.catalog.trials.domain import LONGEST_BODY, LONGEST_HEADER, LONGEST_VALUE, MOST_HEADERS, MOST_PARAMETERS

_LONGEST_ANSWER = 1024 * 1024
OperationId = Annotated[str, Field(max_length=200)]


class Place(StrEnum):
    """Where a parameter belongs."""

    PATH = "PATH"
    QUERY = "QUERY"
    HEADER = "HEADER"
    COOKIE = "COOKIE"


class _Input(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class ParameterInput(_Input):
    """One parameter."""

    name: Annotated[str, Field(max_length=200)]
    value: Annotated[str, Field(max_length=LONGEST_VALUE)]
    place: Place | None = None


class HeaderInput(_Input):
    """One header."""

    name: Annotated[str, Field(max_length=LONGEST_HEADER)]
    value: Annotated[str, Field(max_length=LONGEST_HEADER)]


class PrepareTrial(_Input):
    """The input of ``prepare_trial``."""

    version_id: Id
    operation_id: OperationId
    parameters: Annotated[tuple[ParameterInput, ...], Field(max_length=MOST_PARAMETERS)] = ()
    headers: Annotated[tuple[HeaderInput, ...], Field(max_length=MOST_HEADERS)] = ()
    body: Annotated[str, Field(max_length=LONGEST_BODY)] | None = None


class AnsweredHeaderInput(_Input):
    """One header of an answer."""

    name: str
    value: str


class AnsweredInput(_Input):
    """What was answered; ``is_refused`` says that the platform did, and not the API."""

    status: Annotated[int, Field(ge=100, le=599)]
    headers: Annotated[tuple[AnsweredHeaderInput, ...], Field(max_length=MOST_HEADERS * 4)]
    body: Annotated[str, Field(max_length=_LONGEST_ANSWER)] | None
    is_truncated: bool
    is_refused: bool


class JudgeTrial(_Input):
    """The input of ``judge_trial``."""

    version_id: Id
    operation_id: OperationId
    answered: AnsweredInput


class _Handlers:
    def __init__(self, rows: Rows, judge: Judge) -> None:
        self._rows = rows
        self._judge = judge

    async def prepare_trial(self, asked: Asked) -> Json:
        """Answer ``/do/prepare_trial``: the request, and whether it keeps to the document. Nothing is changed."""
        wanted = asked.read(PrepareTrial)
        tried = await access.operation_to_try(asked.reader(), wanted.version_id, wanted.operation_id)
        given = wanted.model_dump(mode="json", include={"parameters", "headers", "body"})
        for each in given["parameters"]:
            each["place"] = each["place"] and each["place"].lower()
        request = await self._judge.build(tried.packed_text, wanted.operation_id, given)
        version = self._rows.version(tried.product, tried.api, tried.version)
        return {**request, "product_id": tried.product.id, "base_path": version["base_path"], "call_url": version["call_url"]}

    async def judge_trial(self, asked: Asked) -> Json:
        """Answer ``/do/judge_trial``: whether a response keeps to the document. Nothing is changed."""
        wanted = asked.read(JudgeTrial)
        tried = await access.operation_to_try(asked.reader(), wanted.version_id, wanted.operation_id)
        return await self._judge.judge(tried.packed_text, wanted.operation_id, wanted.answered.model_dump(mode="json"))


def routes(edge: Edge, rows: Rows, judge: Judge) -> list[BaseRoute]:
    """Return the routes of this noun."""
    r, handlers = Routes(edge), _Handlers(rows, judge)
    r.do("prepare_trial", handlers.prepare_trial)
    r.do("judge_trial", handlers.judge_trial)
    return r.collected
