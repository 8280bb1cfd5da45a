"""How to ask about usage over HTTP."""

import asyncio
from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints
from starlette.routing import BaseRoute

from chassis.errors import FieldProblem
from chassis.web import Asked, Edge, Json, Routes, read_input
from services.analytics.reports import actions, domain
from services.analytics.reports.access import PLATFORM
from services.analytics.reports.actions import Answer
from services.analytics.reports.domain import GroupBy, QuestionNotAnswerable, Report, Scope
from services.analytics.rollups.domain import Period

Id = Annotated[str, StringConstraints(min_length=1, max_length=64)]
Environment = Literal["PRODUCTION", "SANDBOX"]
MOST_SCOPES = 100


class UsageArguments(BaseModel):
    """Which calls, and how they are to be shown.

    ``from`` is rounded down and ``to`` up to whole minutes; a call belongs to the minute in which it ended.
    """

    model_config = ConfigDict(extra="forbid")

    start: Annotated[datetime, Field(alias="from")]
    end: Annotated[datetime, Field(alias="to")]
    interval: Period | None = None
    group_by: GroupBy | None = None
    time_zone: str = "UTC"
    status: int | list[int] | None = None
    product_id: Id | None = None
    application_id: Id | None = None
    environment: Environment | None = None
    rejection: Id | None = None

    def to_question(self) -> domain.Question:
        """Return the question. Raises ``QuestionNotAnswerable``."""
        several = self.status if isinstance(self.status, list) else [self.status]
        return domain.to_question(
            domain.Asked(
                start=self.start,
                end=self.end,
                interval=self.interval,
                group_by=self.group_by,
                time_zone=self.time_zone,
                status=tuple(each for each in several if each is not None),
                product_id=self.product_id,
                application_id=self.application_id,
                environment=self.environment,
                rejection=self.rejection,
            )
        )


def _to_scope(key: Any, number: int) -> Scope:
    if key == {"platform": True}:
        return PLATFORM
    if isinstance(key, dict) and len(key) == 1:
        ((by, value),) = key.items()
        if by in ("organization_id", "application_id", "product_id") and isinstance(value, str) and value:
            return Scope(by, value)
    mend = 'give exactly one of {"organization_id": id}, {"application_id": id}, {"product_id": id}, {"platform": true}'
    raise QuestionNotAnswerable(FieldProblem(f"keys.{number}", mend))


def _to_scopes(keys: list[Any]) -> list[Scope]:
    if len(keys) > MOST_SCOPES:
        raise QuestionNotAnswerable(FieldProblem("keys", f"ask for at most {MOST_SCOPES} at once"))
    return [_to_scope(key, number) for number, key in enumerate(keys)]


def _row(answer: Answer, report: Report) -> Json:
    question = answer.question
    return {
        "as_of": answer.as_of,
        "watermark": answer.watermark,
        "lag_seconds": max(0.0, (answer.as_of - answer.watermark).total_seconds()),
        "completeness": answer.completeness(report),
        "method": "EXACT",
        "from": question.start,
        "to": question.end,
        "totals": report.totals.figures(),
        "series": [{"start": start, **tally.figures()} for start, tally in zip(question.borders, report.points, strict=False)],
        "groups": [
            {**answer.labels.of(key), **tally.figures()} for key, tally in report.ordered_groups() if answer.labels is not None
        ],
    }


def routes(edge: Edge, *, most_rollups: int) -> list[BaseRoute]:
    """Return the routes; ``most_rollups`` bounds what one question may read."""

    async def load_usage(asked: Asked) -> Json:
        scopes = _to_scopes(asked.keys)
        question = read_input(UsageArguments, asked.args).to_question()
        answer = await actions.answer_usage(asked.reader(), scopes, question, most_rollups)
        rows = {}
        for scope, report in answer.reports.items():
            rows[scope] = _row(answer, report)
            await asyncio.sleep(0)  # a long series takes a while to write
        return [rows.get(scope) for scope in scopes]

    r = Routes(edge)
    r.load("usage", load_usage)
    return r.collected
