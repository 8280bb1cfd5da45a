"""Answering a question about usage for many scopes at once."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby

from chassis.errors import FieldProblem
from chassis.mongo import Reader
from services.analytics.reports import access, labels
from services.analytics.reports.domain import Question, QuestionNotAnswerable, Report, Scope, cut, require_few_points
from services.analytics.rollups import repository as rollups
from services.analytics.rollups.domain import EPOCH
from services.analytics.sources import repository as sources
from services.analytics.sources.domain import Source, completeness_of, watermark_of

_BETWEEN_BREATHS = 100


@dataclass(frozen=True, slots=True)
class Answer:
    """Reports for those of the scopes that may be seen, and how true they are."""

    question: Question
    as_of: datetime
    watermark: datetime
    reports: Mapping[Scope, Report]
    sources: Sequence[Source]
    labels: labels.Labels | None

    def completeness(self, report: Report) -> float:
        """Return which part of the calls asked for is in the report, at least."""
        return completeness_of(self.sources, self.question.end, report.totals.calls)


async def answer_usage(reader: Reader, scopes: Sequence[Scope], question: Question, most_rollups: int) -> Answer:
    """Return the reports. Raises ``QuestionNotAnswerable`` where too many roll-ups would have to be read."""
    visible = await access.visible_scopes(reader, scopes)
    require_few_points(question, len(visible))
    # The sources first: what is ingested from here on makes the figures larger than they need to be, never smaller.
    heard = await sources.find_all(reader)
    reports = {scope: Report(question) for scope in visible}
    await _fill(reader, question, reports, most_rollups)
    named = None
    if question.group_by is not None:
        keys = {key for report in reports.values() for key in report.groups}
        named = await labels.labels_for(reader, question.group_by, sorted(keys, key=str))
    watermark = watermark_of(heard, reader.now)
    return Answer(question, reader.now, EPOCH if watermark is None else watermark, reports, heard, named)


async def _fill(reader: Reader, question: Question, reports: Mapping[Scope, Report], most_rollups: int) -> None:
    left = most_rollups
    ranges = cut(question.borders)
    for by, of_kind in groupby(sorted(reports), key=lambda scope: scope.by):
        ids = [scope.id for scope in of_kind]
        query = dict(question.query) if by == access.PLATFORM.by else {"$and": [{by: {"$in": ids}}, question.query]}
        for period, within in ranges.items():
            found = await rollups.find(reader, period, within, query, limit=left + 1)
            left -= len(found)
            if left < 0:
                mend = "narrow the range, ask for a longer interval, or for fewer things at once"
                raise QuestionNotAnswerable(FieldProblem("from", mend))
            for number, each in enumerate(found):
                reports[Scope(by, each.get(by, ""))].add(each)
                if number % _BETWEEN_BREATHS == 0:
                    await asyncio.sleep(0)  # a wide question shall not keep everybody else waiting
