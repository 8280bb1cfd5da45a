"""How a connection request went: each state, since when, on whose desk, and what was done there. Derived, never kept."""

from dataclasses import dataclass
from datetime import datetime

from services.subscriptions.connections.domain import HOLDERS, Act, ActKind, Holder, Request, Status


@dataclass(frozen=True, slots=True)
class Stage:
    """A time during which a request stood in one state with one holder; the one that lasts has no end.

    ``person_id`` is the representative who ran it.
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
        if groups and groups[-1][0].status is act.status and act.kind is not ActKind.ASSIGNED:
            groups[-1].append(act)
        else:
            groups.append([act])
    ends: list[datetime | None] = [group[0].at for group in groups[1:]]
    stages: list[Stage] = []
    person_id = None
    for group, until in zip(groups, [*ends, None], strict=True):
        first = group[0]
        person_id = first.person_id or person_id
        runs = person_id if first.status is Status.IN_PROGRESS else None
        stages.append(Stage(first.status, HOLDERS.get(first.status), runs, first.at, until, tuple(group)))
    return stages
