"""How a request went: each state, since when, on whose desk, and what was done there."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from services.identity.onboarding.domain import HOLDERS, Act, ActKind, Holder, Request, Status


@dataclass(frozen=True, slots=True)
class Stage:
    """A time during which a request stood in one state, with one holder. ``person_id`` is the operator who took it.

    The stage that lasts has no end.
    """

    status: Status
    holder: Holder | None
    person_id: str | None
    since: datetime
    until: datetime | None
    acts: tuple[Act, ...]

    def seconds(self, now: datetime) -> int:
        """Return how long it lasted, or has lasted until now, in whole seconds."""
        return max(0, int(((self.until or now) - self.since).total_seconds()))


def stages_of(request: Request) -> list[Stage]:
    """Return a request's stages in order; each begins with the act that brought it about."""
    groups: list[list[Act]] = []
    for act in request.acts:
        if groups and groups[-1][0].status is act.status and act.kind is not ActKind.TAKEN:
            groups[-1].append(act)
        else:
            groups.append([act])
    ends: list[datetime | None] = [group[0].at for group in groups[1:]]
    return [_stage(group, until) for group, until in zip(groups, [*ends, None], strict=True)]


def _stage(acts: list[Act], until: datetime | None) -> Stage:
    first = acts[0]
    person_id = first.by if first.status is Status.IN_REVIEW else None
    return Stage(first.status, HOLDERS.get(first.status), person_id, first.at, until, tuple(acts))


def people_in(requests: Iterable[Request]) -> set[str]:
    """Return the ids of all users who did something about these requests."""
    return {act.by for request in requests for act in request.acts}
