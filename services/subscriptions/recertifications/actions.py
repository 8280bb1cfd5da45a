"""What is done with what was confirmed, or not."""

from collections.abc import Mapping

from chassis.messages import Heard
from chassis.mongo import Transaction
from services.subscriptions.recertifications import repository


async def note(tx: Transaction, heard: Heard, about: Mapping[str, str], *, is_confirmed: bool) -> None:
    """Note what came of a thing; ``about`` names its kind, its id and its organization."""
    await repository.note(
        tx,
        heard,
        about["kind"],
        about["subject_id"],
        organization_id=about["organization_id"],
        is_confirmed=is_confirmed,
    )
