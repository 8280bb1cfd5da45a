"""What can be done with entries: they are appended."""

from collections.abc import Sequence

from chassis.mongo import Transaction
from services.audit.acts import repository
from services.audit.acts.domain import Told, first_of, next_of


async def append(tx: Transaction, tellings: Sequence[Told]) -> int:
    """Append what chains are told of an act, once, and return how many entries that made."""
    appended = 0
    for told in tellings:
        chain, head = told.chain, await repository.head_of(tx, told.chain)
        if head is None and told.instead is not None:
            chain, head = told.instead, await repository.head_of(tx, told.instead)
        if head is not None and await repository.has_event(tx, chain, told.content["event_id"]):
            continue
        entry = first_of(chain, told.content) if head is None else next_of(head, told.content)
        await repository.add(tx, entry)
        appended += 1
    return appended
