"""Trials as they are asked for: by a member, with a token of identity's for one operation."""

from typing import Any

import orjson

from chassis.calls import AsgiCaller, Call
from chassis.ids import new_id
from tests.passports import make_passport, make_visitor_passport
from tests.services.enforcement.stage import Client, DataPlaneStage, Product, Stage, until
from tests.services.stage import Answered


def token_of(stage: Stage, client: Client, **claims: Any) -> str:
    """Return a trial's token, as identity issues it."""
    return stage.issuer.token(client.client_id, None, trial_id=new_id("trl"), **claims)


def wanted(stage: Stage, client: Client, product: Product, **more: Any) -> dict[str, Any]:
    """Return what the gateway asks for."""
    return {
        "access_token": token_of(stage, client),
        "version_id": product.version_id,
        "base_path": product.base_path,
        "operation_id": "getPet",
        "environment": "PRODUCTION",
        "method": "GET",
        "target": "/pets/7?limit=1",
        **more,
    }


async def record_of(plane: DataPlaneStage, request_id: str) -> dict[str, Any]:
    """Return the record of a call, once it is announced."""

    async def found() -> dict[str, Any] | None:
        return next((record for record in plane.records if record["id"] == request_id), None)

    record: dict[str, Any] = await until(found, 60)
    return record


async def tried(stage: Stage, role: str | None, organization_id: str, body: dict[str, Any]) -> Answered:
    """Ask as a member with this role; as nobody where it is None."""
    folder = stage.issuer.folder
    passport = (
        make_visitor_passport(folder) if role is None else make_passport(folder, "usr_1", organizations={organization_id: role})
    )
    call = Call("enforcement", "/do/call_operation", orjson.dumps(body), {"portico-passport": passport}, timeout_seconds=60)
    answer = await AsgiCaller({"enforcement": stage.service.app}).call(call)
    return Answered(answer.status, orjson.loads(answer.body))
