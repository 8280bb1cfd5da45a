"""How trials are kept: for some weeks, to be asked about; the audit trail keeps them for longer."""

from chassis.mongo import Index, Reader, Transaction
from services.identity.trials.domain import KEPT_FOR, Trial

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


async def find_slug(reader: Reader, version_id: str, operation_id: str) -> str | None:
    """Return what the product is called in scopes whose published version has an operation; None where that was not heard."""
    version = await reader.collection("heard_versions").find_one({"_id": version_id})
    if version is None or operation_id not in version["operation_ids"]:
        return None
    product = await reader.collection("heard_products").find_one({"_id": version["product_id"]})
    return None if product is None else str(product["slug"])
