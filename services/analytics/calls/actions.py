"""Taking in a batch of calls, exactly once."""

from chassis.mongo import Transaction
from services.analytics.calls.domain import Batch
from services.analytics.events import UsageRecorded
from services.analytics.known import repository as known
from services.analytics.rollups import repository as rollups
from services.analytics.rollups.domain import roll_up
from services.analytics.sources import repository as sources
from services.analytics.sources.domain import watermark_of


async def ingest(tx: Transaction, batch: Batch) -> None:
    """Add a batch to the roll-ups and to what its source has told; a batch that was taken in before changes nothing."""
    arrival = batch.arrival()
    source = await sources.find(tx, batch.source)
    if arrival.number <= source.contiguous or await sources.is_waiting(tx, source, arrival.number):
        return
    beyond = await sources.find_waiting(tx, source) if arrival.number == source.contiguous + 1 else {}
    await sources.keep(tx, source.hear(arrival, beyond, tx.now), arrival)
    if batch.records:
        await rollups.add(tx, roll_up(each.measured() for each in batch.records))
        await _announce(tx, batch)


async def _announce(tx: Transaction, batch: Batch) -> None:
    organization_ids, product_ids = batch.ids_of("organization_id"), batch.ids_of("product_id")
    providers = await known.find_owners(tx, "products", product_ids)
    event = UsageRecorded(
        watermark=watermark_of(await sources.find_all(tx), tx.now),
        organization_ids=organization_ids,
        application_ids=batch.ids_of("application_id"),
        product_ids=product_ids,
    )
    await tx.emit(event, subject=batch.source, audience=sorted({*organization_ids, *providers.values()}))
