"""Who is told why calls are refused.

The members of the application's organization; the members of the product's provider, once the application has asked it for
something: a permission, a subscription, a call; the operator's administrators and support. For others there is nothing to tell.
A product that was never published exists for its provider and the operator alone.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import NamedTuple

from chassis.errors import Unavailable
from chassis.mongo import Reader
from services.enforcement.checks.case import Now
from services.enforcement.explaining import repository
from services.enforcement.explaining.domain import Explanation, Question, answer, case_of
from services.enforcement.explaining.keeping import Keeping
from services.enforcement.explaining.limits import Standing, counters_elsewhere, rate_elsewhere
from services.enforcement.limits import repository as counts
from services.enforcement.state.world import World

STAFF = ("OPERATOR_ADMINISTRATOR", "SUPPORT")
_VIEW = "VIEW_SUBSCRIPTIONS"


class StateNotLoaded(Unavailable):
    """What calls hang on is being loaded; ask again in a moment."""


class Here(NamedTuple):
    """What an instance of the check says of itself."""

    is_loaded: Callable[[], bool]
    is_fresh: Callable[[], bool]
    epoch: Callable[[], int]
    now: Callable[[], Now]


class Explaining:
    """The door to explanations: the state in memory, and what is kept of refusals."""

    def __init__(self, world: World, keeping: Keeping, here: Here) -> None:
        self._world = world
        self._keeping = keeping
        self._here = here

    async def answers(self, reader: Reader, questions: Sequence[Question]) -> list[Explanation | None]:
        """Return how the chain stands for each question, or None where something in it does not exist for the one who asks."""
        if not self._here.is_loaded():
            raise StateNotLoaded
        found = [await self._answer(reader, each) for each in questions]
        candidates = [(each.application_id, each.product_id) for each in found if each is not None and _is_provider(reader, each)]
        pairs = {(application, product) for application, product in candidates if application and product}
        asked_for = await repository.pairs_asked_for(reader, pairs)
        return [each if each is not None and self._is_told(reader, each, asked_for) else None for each in found]

    async def _answer(self, reader: Reader, question: Question) -> Explanation | None:
        case = case_of(self._world, question, self._here.now(), is_fresh=self._here.is_fresh())
        if case is None:
            return None
        epoch = self._here.epoch()
        used = {each.key: await counts.used(reader, each.key) for each in counters_elsewhere(case)}
        rate = rate_elsewhere(case)
        kept = {} if rate is None else await counts.kept(reader, [rate])
        in_use = frozenset(key for key, each in kept.items() if each.whole_at_ns > case.now.wall_ns)
        return replace(answer(case, question, Standing(used, in_use)), epoch=epoch)

    def _is_told(self, reader: Reader, each: Explanation, asked_for: set[repository.Pair]) -> bool:
        if reader.principal.has_platform_role(*STAFF):
            return True
        if _is_provider(reader, each) and (each.application_id, each.product_id) in asked_for:
            return True
        if each.product_id is None or not _is_own(reader, each):
            return False
        return _is_provider(reader, each) or bool(self._world.versions_of(each.product_id))

    async def refusals(self, reader: Reader, request_ids: Sequence[str]) -> list[Explanation | None]:
        """Return the refusals with these request ids, or None where none is kept that the one who asks may see."""
        # What waits is looked for first: once it is written down it waits no more.
        waiting = {each: self._keeping.waiting(each) for each in request_ids}
        kept = await repository.find(reader, request_ids)
        found = [kept.get(each) or waiting[each] for each in request_ids]
        return [each if each is not None and _may_see(reader, each) else None for each in found]


def _may_see(reader: Reader, refusal: Explanation) -> bool:
    # A refused call has asked for something: its provider sees it.
    return _is_own(reader, refusal) or _is_provider(reader, refusal) or reader.principal.has_platform_role(*STAFF)


def _is_own(reader: Reader, each: Explanation) -> bool:
    return each.organization_id is not None and reader.principal.may(_VIEW, each.organization_id)


def _is_provider(reader: Reader, each: Explanation) -> bool:
    return each.provider_id is not None and reader.principal.is_member(each.provider_id)
