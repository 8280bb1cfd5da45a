"""Entries for what was published before there were any."""

from functools import partial

from chassis.mongo import Store, Transaction
from chassis.principal import system
from services.catalog.entries import repository as entries
from services.catalog.products import repository as products
from services.catalog.products.words import text_of_operations
from services.catalog.versions import repository as versions

_AT_ONCE = 500


async def adopt(store: Store) -> None:
    """Make the entries that are missing; where none is, this is one or two queries for every so many products."""
    reader, last = store.reader(), ""
    while public := await products.public_ids(reader, last, _AT_ONCE):
        known = await entries.known_among(reader, public)
        for product_id in public:
            if product_id not in known:
                await store.transact(system("catalog.index"), partial(_adopt, product_id=product_id))
        last = public[-1]


async def _adopt(tx: Transaction, *, product_id: str) -> None:
    product = (await products.by_ids(tx, [product_id])).get(product_id)
    if product is None or await entries.known_among(tx, [product_id]):
        return
    await products.keep_entry(tx, product)
    if not await entries.known_among(tx, [product_id]):
        return  # it can be called no more, so there is nothing to find
    shown = [version.id for _, version in product.versions() if version.is_public]
    for version_id, rows in (await versions.operations(tx, shown)).items():
        await entries.keep_operations(tx, product_id, version_id, text_of_operations(rows))
