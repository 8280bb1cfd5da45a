"""Where the connection requests of organizations stand, as the way to an agreement tells it."""

from collections.abc import Iterable, Sequence
from datetime import datetime

from chassis.mongo import Reader
from services.subscriptions.agreements.domain import Agreement
from services.subscriptions.approvals import access as approvals
from services.subscriptions.approvals.domain import Step, StepStatus
from services.subscriptions.connections import access as connections
from services.subscriptions.connections.domain import Request, in_one
from services.subscriptions.requirements import repository
from services.subscriptions.requirements.domain import Connecting, Document
from services.subscriptions.requirements.repository import Pair

# Whose turn comes first, where several documents do not hold.
_TURNS = ("RETURNED", "REQUESTED", "LAPSED", "CONFIRMED", "ATTACHED", "COUNTERSIGNED")


async def connecting_of(reader: Reader, pairs: Iterable[Pair]) -> dict[Pair, Connecting]:
    """Return where the newest connection request of each organization to each product stands, for those who belong to them."""
    requests = await repository.find_latest_requests(reader, pairs)
    steps = await approvals.steps_of(reader, [each.id for each in requests.values()])
    found = {}
    for pair, request in requests.items():
        documents = await connections.documents_of(reader, request)
        found[pair] = _connecting(request, list(documents.values()), steps[request.id], reader.now)
    return found


def _connecting(request: Request, documents: Sequence[Agreement], steps: Sequence[Step], now: datetime) -> Connecting:
    last = request.acts[-1]
    approval = next(((each.id, each.party.value) for each in steps if each.status is StepStatus.OPEN), None)
    reason = last.reason or in_one(last.reasons) or None
    return Connecting(request.id, request.status.value, reason, _first_missing(documents, now), approval)


def _first_missing(documents: Sequence[Agreement], now: datetime) -> Document | None:
    lacking = sorted((each for each in documents if not each.holds_at(now)), key=lambda each: _TURNS.index(each.status.value))
    if not lacking:
        return None
    first = lacking[0]
    begins = first.validity.from_ if first.status == "CONFIRMED" and first.validity else None
    return Document(first.id, first.status.value, begins if begins is not None and begins > now else None)
