"""Having requests built and responses judged by a program of its own, bounded in number, time and memory."""

import asyncio
from collections.abc import Mapping
from typing import Any

import orjson

from chassis.errors import FieldProblem, Refusal
from chassis.mongo import is_in_transaction
from services.catalog.documents.domain import DocumentTooComplex
from services.catalog.trials.domain import REFUSED, TrialNotUsable, Verdict
from services.catalog.versions.reading import Limits, run

_PROGRAM = "services.catalog.trials.program"


class Judge:
    """Builds and judges; at most ``limits.at_once`` programs run."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._places = asyncio.Semaphore(limits.at_once)

    async def build(self, packed_text: bytes, operation_id: str, wanted: Mapping[str, Any]) -> dict[str, Any]:
        """Return the request. Raises ``TrialNotUsable``, ``DocumentTooComplex`` or ``ReaderUnavailable``."""
        return await self._run(packed_text, {"operation_id": operation_id, "wanted": wanted})

    async def judge(self, packed_text: bytes, operation_id: str, answered: Mapping[str, Any]) -> dict[str, Any]:
        """Return the verdict on a response; where none can be had, it says so: the call was made all the same."""
        if answered["is_refused"]:
            return Verdict(note=REFUSED).to_row()
        try:
            return await self._run(packed_text, {"operation_id": operation_id, "answered": answered})
        except Refusal as refusal:
            return Verdict(note=refusal.message).to_row()

    async def _run(self, packed_text: bytes, question: Mapping[str, Any]) -> dict[str, Any]:
        assert not is_in_transaction(), "nothing is judged while a transaction is open"
        sent = b"%d\n%s%s" % (len(packed_text), packed_text, orjson.dumps(question))
        async with self._places:
            outcome = await run(_PROGRAM, sent, self._limits)
        if outcome.get("refusal") == "TrialNotUsable":
            raise TrialNotUsable([FieldProblem(*each) for each in outcome["fields"]])
        if "refusal" in outcome:
            raise DocumentTooComplex(outcome["message"])
        return outcome
