"""Waiting until the check has heard of what was announced, without a call that counts."""

from services.enforcement.state.feed import Feed
from tests.services.enforcement.stage import Client, Product, Stage, until


async def has_heard(stage: Stage, client: Client, product: Product) -> None:
    """Wait until an instance knows a subscription and its plan."""

    async def known() -> bool:
        lease = stage.worker(Feed)._world.lease(client.application_id, product.id, 0, 0)
        return lease is not None and all(lease.claim.latest.version)

    await until(known, 60)
