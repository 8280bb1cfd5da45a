"""What can be done with counted calls."""

from chassis.mongo import Transaction
from services.subscriptions.calls import repository
from services.subscriptions.calls.domain import Batch


async def count(tx: Transaction, batch: Batch) -> None:
    """Count the calls that an announcement tells of."""
    await repository.add(tx, batch)
