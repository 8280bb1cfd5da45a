"""What can be done with data exchanges."""

from chassis.ids import new_id
from chassis.mongo import DuplicateKey, Transaction
from services.identity.data_exchanges import repository
from services.identity.data_exchanges.domain import (
    DATA_EXCHANGE_PREFIX,
    AlreadyOnboarded,
    DataExchange,
    NumberPattern,
)


async def assign(tx: Transaction, organization_id: str, request_id: str, pattern: NumberPattern) -> DataExchange:
    """Give an organization its number (for those who have checked that it is to have one). Raises ``AlreadyOnboarded``."""
    if await repository.find_by_organization(tx, [organization_id]):
        raise AlreadyOnboarded
    number = pattern.write(tx.now.year, await repository.next_count(tx))
    while await repository.is_taken(tx, number):
        # The pattern was another one before, and gave this number to somebody.
        number = pattern.write(tx.now.year, await repository.next_count(tx))
    data_exchange = DataExchange(new_id(DATA_EXCHANGE_PREFIX), organization_id, number, request_id, assigned_at=tx.now)
    try:
        await repository.add(tx, data_exchange)
    except DuplicateKey:
        raise AlreadyOnboarded from None
    fact = data_exchange.assigned()
    await tx.emit(fact, subject=organization_id, organization=organization_id, audience=[organization_id])
    return data_exchange
