"""Who may have an answer: whoever the data plane's check has let through, so there is nothing to ask here."""

from collections.abc import Sequence

from chassis.errors import NotFound
from chassis.mongo import Reader
from services.catalog.sandbox import repository
from services.catalog.sandbox.domain import Answer


class NoSuchOperation(NotFound):
    """The sandbox knows no such operation."""


async def answers_to(reader: Reader, version_id: str, operation_id: str) -> Sequence[Answer]:
    """Return an operation's answers. Raises ``NoSuchOperation``."""
    answers = await repository.find(reader, version_id, operation_id) if version_id and operation_id else ()
    if not answers:
        raise NoSuchOperation
    return answers
