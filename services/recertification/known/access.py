"""What is known of others, as it is shown: names alone."""

from collections.abc import Iterable

from chassis.mongo import Reader
from services.recertification.known import repository


async def names_of_organizations(reader: Reader, organization_ids: Iterable[str | None]) -> dict[str, str]:
    """Return what organizations are called, as far as that was heard, by id."""
    wanted = {each for each in organization_ids if each is not None}
    return await repository.find_organization_names(reader, wanted) if wanted else {}
