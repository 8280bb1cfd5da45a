"""How to ask what is used of quotas."""

from starlette.routing import BaseRoute

from chassis.web import Asked, Edge, Json, Routes
from services.enforcement.quotas.access import Quotas, Usages


def routes(edge: Edge, quotas: Quotas) -> list[BaseRoute]:
    """Return the routes of quotas."""

    async def by_subscription(asked: Asked) -> Json:
        reader = asked.reader()
        found = await quotas.visible(reader, asked.ids)

        def row(usages: Usages | None) -> Json:
            if usages is None:
                return None
            plan, own = (None if each is None else each.row(reader.now) for each in (usages.plan, usages.permission))
            return {**(plan or _NO_PLAN_QUOTA), "permission": own}

        return [row(found.get(each)) for each in asked.ids]

    collected = Routes(edge)
    collected.load("quotas_by_subscription", by_subscription)
    return collected.collected


_NO_PLAN_QUOTA: dict[str, Json] = dict.fromkeys(
    ("limit", "used", "remaining", "period", "time_zone", "resets_at", "forecast_exhausted_at")
)
