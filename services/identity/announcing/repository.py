"""What was announced of the roles."""

from collections.abc import Mapping, Sequence

from chassis.mongo import Index, Transaction

_TABLES = "announced_tables"
INDEXES = (Index(_TABLES, (("noted_at", 1),)),)


async def note_roles(tx: Transaction, table: Mapping[str, Sequence[str]]) -> bool:
    """Keep what is announced of the roles; say whether it is another thing than before."""
    wanted = {role: sorted(actions) for role, actions in table.items()}
    tables = tx.collection(_TABLES)
    known = await tables.find_one({"_id": "roles"})
    if known is not None and known["table"] == wanted:
        return False
    await tables.update_one({"_id": "roles"}, {"$set": {"table": wanted, "noted_at": tx.now}}, upsert=True)
    return True
