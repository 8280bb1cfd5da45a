"""What is kept of callers when others announce something, and what can be told of them."""

from collections.abc import Iterable
from dataclasses import dataclass

from chassis.mongo import Reader, Transaction
from services.catalog.callers import repository
from services.catalog.callers.domain import Call, Subscriber, Traffic, tallies

called_by = repository.called_by
count_subscribers = repository.count_subscribers
subscribed_products = repository.subscribed_products
agreements_in_force = repository.agreements_in_force
names = repository.names


async def count(tx: Transaction, calls: Iterable[Call]) -> None:
    """Count a batch of calls by version, application and day."""
    await repository.add(tx, tallies(calls, tx.now))


@dataclass(frozen=True, slots=True)
class Callers:
    """Who would notice that a version, or a product, could be called no more."""

    subscribers: tuple[Subscriber, ...]
    traffic: tuple[Traffic, ...]

    @property
    def organization_ids(self) -> list[str]:
        """Return their organizations, each once, in order."""
        return sorted(set(self.owners.values()))

    @property
    def owners(self) -> dict[str, str]:
        """Return their applications, each with its organization."""
        owners = {each.application_id: each.organization_id for each in self.traffic}
        return owners | {each.application_id: each.organization_id for each in self.subscribers}


async def callers_of(reader: Reader, product_id: str, version_id: str | None) -> Callers:
    """Return who is subscribed to the product and who has called it (or one version of it) in the last 30 days."""
    field, thing = ("product_id", product_id) if version_id is None else ("version_id", version_id)
    subscribers = await repository.subscribers(reader, product_id)
    traffic = (await repository.traffic(reader, field, [thing]))[thing]
    ended = await repository.ended_among(reader, list(Callers(tuple(subscribers), tuple(traffic)).owners))
    return Callers(
        tuple(each for each in subscribers if each.application_id not in ended),
        tuple(each for each in traffic if each.application_id not in ended),
    )
