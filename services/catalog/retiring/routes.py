"""How to ask about the end of versions over HTTP."""

from datetime import UTC, datetime
from typing import Annotated

from pydantic import AfterValidator, AwareDatetime, StringConstraints
from starlette.routing import BaseRoute

from chassis.web import Asked, Edge, Json, Routes, read_input
from services.catalog.products.inputs import Id, Input, printable
from services.catalog.products.rows import Rows
from services.catalog.retiring import access, actions, standings
from services.catalog.retiring.domain import Place
from services.catalog.retiring.impact import impacts_of
from services.catalog.retiring.notices import notice_for, notices_of

_LAST_YEAR = 2200


def _moment(given: datetime) -> datetime:
    """Return the moment in whole seconds, as ``Sunset`` tells it."""
    if given.year > _LAST_YEAR:
        raise ValueError(f"give a moment before the year {_LAST_YEAR + 1}")
    return given.astimezone(UTC).replace(microsecond=0)


Moment = Annotated[AwareDatetime, AfterValidator(_moment)]
Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=2000), AfterValidator(printable)]


class DeprecateVersion(Input):
    """The input of ``deprecate_version``: date, target and note, as they are to be."""

    version_id: Id
    sunset_at: Moment
    migrate_to: Id | None = None
    note: Text | None = None


class UndeprecateVersion(Input):
    """The input of ``undeprecate_version``."""

    version_id: Id


class RetireVersion(Input):
    """The input of ``retire_version``."""

    version_id: Id
    despite_traffic: Text | None = None


class AcknowledgeRetirement(Input):
    """The input of ``acknowledge_retirement``."""

    version_id: Id
    organization_id: Id


class WithdrawProviderStanding(Input):
    """The input of ``withdraw_provider_standing``."""

    organization_id: Id


class Weigh(Input):
    """The arguments of ``retirement_impact_by_product``."""

    version_id: Id | None = None


class RetiringRoutes:
    """The handlers of this noun; ``rows`` makes the versions that they answer."""

    def __init__(self, rows: Rows) -> None:
        self._rows = rows

    async def deprecate_version(self, asked: Asked) -> Json:
        """Answer ``/do/deprecate_version``."""
        wanted = asked.read(DeprecateVersion)
        plan = actions.PlannedEnd(wanted.sunset_at, wanted.migrate_to, wanted.note)
        return self._row(await asked.transact(lambda tx: actions.deprecate_version(tx, wanted.version_id, plan)))

    async def undeprecate_version(self, asked: Asked) -> Json:
        """Answer ``/do/undeprecate_version``."""
        wanted = asked.read(UndeprecateVersion)
        return self._row(await asked.transact(lambda tx: actions.undeprecate_version(tx, wanted.version_id)))

    async def retire_version(self, asked: Asked) -> Json:
        """Answer ``/do/retire_version``."""
        wanted = asked.read(RetireVersion)
        return self._row(await asked.transact(lambda tx: actions.retire_version(tx, wanted.version_id, wanted.despite_traffic)))

    async def acknowledge_retirement(self, asked: Asked) -> Json:
        """Answer ``/do/acknowledge_retirement``: with the organization's notice, as it is now."""
        wanted = asked.read(AcknowledgeRetirement)
        place = await asked.transact(lambda tx: actions.acknowledge_retirement(tx, wanted.version_id, wanted.organization_id))
        return await notice_for(asked.reader(), place, wanted.organization_id)

    async def withdraw_provider_standing(self, asked: Asked) -> Json:
        """Answer ``/do/withdraw_provider_standing``."""
        wanted = asked.read(WithdrawProviderStanding)
        name = await asked.transact(lambda tx: standings.withdraw_provider_standing(tx, wanted.organization_id))
        return {"organization_id": wanted.organization_id, "name": name}

    async def retirement_notices_by_organization(self, asked: Asked) -> list[Json]:
        """Answer ``/load/retirement_notices_by_organization``: a list for each organization, for its members."""
        found = await notices_of(asked.reader(), asked.ids)
        return [found.get(each) for each in asked.ids]

    async def retirement_impact_by_product(self, asked: Asked) -> list[Json]:
        """Answer ``/load/retirement_impact_by_product``."""
        wanted = read_input(Weigh, asked.args)
        found = await impacts_of(asked.reader(), asked.ids, wanted.version_id)
        return [found.get(each) for each in asked.ids]

    async def history_by_version(self, asked: Asked) -> list[Json]:
        """Answer ``/load/history_by_version``: the steps of each version's life, the first one first."""
        found = await access.versions_with_history(asked.reader(), asked.ids)
        return [_history(found[each]) if each in found else None for each in asked.ids]

    def _row(self, place: Place) -> Json:
        return self._rows.version(place.product, place.api, place.version)


def _history(place: Place) -> list[Json]:
    return [
        {"status": each.status, "at": each.at, "actor": each.actor, "reason": each.reason, "sunset_at": each.sunset_at}
        for each in place.version.history
    ]


def routes(edge: Edge, rows: Rows) -> list[BaseRoute]:
    """Return the routes of this noun."""
    r, handlers = Routes(edge), RetiringRoutes(rows)
    r.do("deprecate_version", handlers.deprecate_version)
    r.do("undeprecate_version", handlers.undeprecate_version)
    r.do("retire_version", handlers.retire_version)
    r.do("acknowledge_retirement", handlers.acknowledge_retirement)
    r.do("withdraw_provider_standing", handlers.withdraw_provider_standing)
    r.load("retirement_notices_by_organization", handlers.retirement_notices_by_organization)
    r.load("retirement_impact_by_product", handlers.retirement_impact_by_product)
    r.load("history_by_version", handlers.history_by_version)
    return r.collected
