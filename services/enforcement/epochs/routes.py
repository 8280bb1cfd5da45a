"""How to ask whether changes are in force."""

from collections.abc import Callable
from typing import Any

from pydantic import AwareDatetime, BaseModel, ConfigDict, ValidationError
from starlette.routing import BaseRoute

from chassis.web import Asked, Edge, Json, Routes
from services.enforcement.epochs import access
from services.enforcement.epochs.access import Everything, Expected, Standing


class _Key(BaseModel):
    """A thing as the asker knows it: more of it may be told than is looked at."""

    model_config = ConfigDict(extra="forbid")

    id: str
    status: str | None = None
    plan_id: str | None = None
    as_of: AwareDatetime | None = None


def _subscription(key: _Key) -> Expected:
    told = {"status": key.status, "plan_id": key.plan_id}
    return Expected(key.id, key.as_of, {name: value for name, value in told.items() if value is not None})


def _secret(key: _Key) -> Expected:
    return Expected(key.id, None, None if key.status is None else {"is_retired": key.status == "RETIRED"})


def _application(key: _Key) -> Expected:
    return Expected(key.id)


def _row(standing: Standing) -> dict[str, Any]:
    since = standing.since
    return {
        "in_force": since is not None or standing.is_long_past,
        "since": None if since is None else since.at,
        "epoch": standing.epoch,
        "worst_lag_ms": None if since is None else since.worst_lag_ms,
        "applied": standing.applied,
        "instances": standing.applied + len(standing.pending),
        "pending": list(standing.pending),
    }


def _of_operator(found: Everything) -> dict[str, Any]:
    return {
        "epoch": found.epoch,
        "pending_epochs": found.pending,
        "instances": [
            {
                "id": each.id,
                "host": each.host,
                "started_at": each.started_at,
                "alive_at": each.alive_at,
                "epoch": each.acknowledged.epoch,
                "worst_lag_ms": each.acknowledged.worst_lag_ms(),
                "is_fresh": each.is_fresh and not is_silent,
                "is_silent": is_silent,
            }
            for each, is_silent in found.instances
        ],
    }


def _read(key: object) -> _Key | None:
    try:
        return _Key.model_validate(key)
    except ValidationError:
        return None  # what cannot be a key is nothing that was heard of


def routes(edge: Edge, *, fresh_seconds: float) -> list[BaseRoute]:
    """Return the routes about changes in force."""
    r = Routes(edge)

    def load(name: str, expected_of: Callable[[_Key], Expected]) -> None:
        async def handler(asked: Asked) -> Json:
            keys = [_read(each) for each in asked.keys]
            expected = [None if key is None else expected_of(key) for key in keys]
            found = await access.standings(asked.reader(), expected, fresh_seconds=fresh_seconds)
            return [_row(each) for each in found]

        r.load(name, handler)

    async def of_operator(asked: Asked) -> Json:
        found = await access.everything(asked.reader(), fresh_seconds=fresh_seconds)
        row = None if found is None else _of_operator(found)
        return [row if key == "all" else None for key in asked.keys]

    load("enforcement_of_subscriptions", _subscription)
    load("enforcement_of_secrets", _secret)
    load("enforcement_of_applications", _application)
    r.load("operator_enforcement", of_operator)
    return r.collected
