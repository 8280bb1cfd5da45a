"""How to ask about a product's approval chain over HTTP; the steps of a request are asked of the request."""

from starlette.routing import BaseRoute

from chassis.web import Asked, Edge, Json, Routes
from services.subscriptions.approvals import access, actions
from services.subscriptions.approvals.inputs import SetApprovalChain
from services.subscriptions.approvals.rows import chain_row


async def _load_chains(asked: Asked) -> Json:
    ids = asked.ids
    found = await access.chains(asked.reader(), ids)
    return [chain_row(key, found[key]) if key in found else None for key in ids]


def routes(edge: Edge, *, patience_seconds: float) -> list[BaseRoute]:
    """Return the routes; ``patience_seconds`` is how long a verb waits for what has not been heard of yet."""

    async def set_approval_chain(asked: Asked) -> Json:
        given = asked.read(SetApprovalChain)
        steps = given.to_steps()
        product_id, chain = await asked.transact(
            lambda tx: actions.set_approval_chain(tx, given.product_id, steps), patience_seconds=patience_seconds
        )
        return chain_row(product_id, chain)

    r = Routes(edge)
    r.do("set_approval_chain", set_approval_chain)
    r.load("approval_chains_by_product", _load_chains)
    return r.collected
