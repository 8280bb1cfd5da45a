"""What can be done: have one operation called. Nothing is kept here: what is counted is counted by the data plane."""

import asyncio
import contextlib
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

from chassis.errors import NotFound
from chassis.principal import Principal
from services.enforcement.checks.tokens import Tokens
from services.enforcement.state.world import World
from services.enforcement.trying import access
from services.enforcement.trying.access import Admitted
from services.enforcement.trying.calling import DataPlaneCaller
from services.enforcement.trying.domain import Answer, Request, TooManyTrials, VersionNotInForce, Wanted, request_to
from services.enforcement.trying.environments import Environment, answered_by

_LONGEST_WAIT_SECONDS = 1.0
_PAUSE_SECONDS = 0.02


@dataclass(frozen=True, slots=True)
class Trial:
    """What is to be tried, as which application (by its token)."""

    version_id: str
    base_path: str
    operation_id: str
    environment: Environment
    token: str


class Made(NamedTuple):
    """The call as it was made, what came back, and what was asked."""

    request: Request
    answer: Answer
    answered_by: Environment


class Places:
    """How many trials run at the same time, in all and for one organization."""

    def __init__(self, at_once: int, of_one: int) -> None:
        self._at_once = at_once
        self._of_one = of_one
        self._running: Counter[str] = Counter()

    @contextlib.contextmanager
    def taken(self, organization_id: str) -> Iterator[None]:
        """Take a place while something runs. Raises ``TooManyTrials``."""
        if self._running.total() >= self._at_once or self._running[organization_id] >= self._of_one:
            raise TooManyTrials
        self._running[organization_id] += 1
        try:
            yield
        finally:
            self._running[organization_id] -= 1
            self._running += Counter()  # forgets those with none


class TrialDesk:
    """Has operations called through the data plane."""

    def __init__(self, world: World, tokens: Tokens, caller: DataPlaneCaller, places: Places) -> None:
        self._world = world
        self._tokens = tokens
        self._caller = caller
        self._places = places

    async def call_operation(self, principal: Principal, trial: Trial, wanted: Wanted) -> Made:
        """Have the operation called.

        Raises ``SignInFirst``, ``NotFound``, ``RoleNotAllowed``, ``TrialTokenNeeded``, ``VersionNotInForce``,
        ``RequestNotUsable``, ``TooManyTrials`` or ``DataPlaneUnavailable``.
        """
        admitted = await self._admit(principal, trial)
        request = request_to(admitted.version, trial.operation_id, trial.environment, wanted, token=trial.token)
        with self._places.taken(admitted.application.organization_id):
            answer = await self._caller.call(request)
        return Made(request, answer, answered_by(self._world, admitted.version, trial.environment))

    async def _admit(self, principal: Principal, trial: Trial) -> Admitted:
        """Return what is called; what may only not have been heard of yet is waited for, about a second."""
        give_up_at = time.monotonic() + _LONGEST_WAIT_SECONDS
        while True:
            credentials = self._tokens.read(f"Bearer {trial.token}".encode("latin-1", "replace"), time.time())
            application = access.application_of(principal, self._world, credentials)
            version = access.version_at(self._world, trial.base_path, trial.version_id)
            if application is not None and version is not None:
                return Admitted(application, version)
            if time.monotonic() >= give_up_at:
                raise NotFound if application is None else VersionNotInForce
            await asyncio.sleep(_PAUSE_SECONDS)
