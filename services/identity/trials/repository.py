"""How trials are kept: for some weeks, to be asked about; the audit trail keeps them for longer."""

from chassis.mongo import Index, Reader, Transaction
from services.identity.trials.domain import KEPT_FOR, Published, Trial

INDEXES = (Index("trials", (("lapses_at", 1),), expire_after_seconds=0), Index("trials", (("user_id", 1),)))


async def add(tx: Transaction, trial: Trial) -> None:
    """Keep a trial."""
    row = {
        "_id": trial.id,
        "application_id": trial.application.id,
        "organization_id": trial.application.organization_id,
        "user_id": trial.user_id,
        "version_id": trial.tried.version_id,
        "operation_id": trial.tried.operation_id,
        "environment": trial.tried.environment.value,
        "began_at": trial.began_at,
        "lapses_at": trial.began_at + KEPT_FOR,
    }
    await tx.collection("trials").insert_one(row)


async def find_version(reader: Reader, version_id: str) -> Published | None:
    """Return what was heard of a published version; None where nothing was, or nothing of its product yet."""
    version = await reader.collection("heard_versions").find_one({"_id": version_id})
    product = version and await reader.collection("heard_products").find_one({"_id": version["product_id"]})
    if version is None or product is None:
        return None
    return Published(str(product["slug"]), tuple(version["operation_ids"]))
