"""What can be done about holdings: taking note of what was announced."""

from collections.abc import Iterable

from chassis.mongo import Transaction
from services.audit.holdings import repository
from services.audit.holdings.domain import Change, with_fact


async def note(tx: Transaction, changes: Iterable[Change]) -> None:
    """Take note of what an announcement says of who holds what; what is known already changes nothing."""
    for change in changes:
        await _note(tx, change)


async def _note(tx: Transaction, change: Change) -> None:
    known = await repository.find_facts(tx, change)
    facts = with_fact(known or (), change.fact, is_stated=change.is_stated)
    if facts is None:
        return
    if known is None:
        await repository.add(tx, change, facts)
    else:
        await repository.save(tx, change, facts)


async def begin(tx: Transaction) -> None:
    """Note that from now on every announcement is heard, unless that was noted before."""
    await repository.begin(tx)
