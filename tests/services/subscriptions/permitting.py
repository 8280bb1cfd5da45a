"""What is asked of permissions again and again in these tests."""

from typing import Any

from chassis.bus import Message
from tests.services.stage import Stage
from tests.services.subscriptions.announcements import APPLICATION, PRODUCT

REQUEST: dict[str, Any] = {
    "application_id": APPLICATION,
    "product_id": PRODUCT,
    "operations": ["read", "write"],
    "purpose": "To check who lives where.",
    "legal_basis": "The law of addresses, § 7.",
}
GRANT_TO: dict[str, Any] = {"client_id": "cli", "product_id": PRODUCT}


async def asked(stage: Stage, **more: Any) -> dict[str, Any]:
    """Let the recipient's developer ask; return the row."""
    return (await stage.person("usr_asker", org_consumer="DEVELOPER").do("request_permission", **{**REQUEST, **more})).result


async def decided(stage: Stage, verb: str, permission_id: str, **more: Any) -> dict[str, Any]:
    """Let the provider's owner decide; return the row."""
    provider = stage.person("usr_decider", org_provider="OWNER")
    return (await provider.do(verb, permission_id=permission_id, **more)).result


async def granted(stage: Stage, **more: Any) -> dict[str, Any]:
    """Let a permission be asked for and granted; return the row."""
    return await decided(stage, "grant_permission", (await asked(stage))["id"], **more)


async def facts(stage: Stage) -> list[str]:
    """Return the names of what was announced about permissions, in order."""
    keys = [str(each["type"]).removeprefix("portico.subscriptions.") for each in await stage.announced()]
    return [each.removesuffix(".v1") for each in keys if each.startswith("permission_")]


async def hear_itself(stage: Stage) -> None:
    """Let the service hear everything that it has announced, twice."""
    rows = await stage.service.store.reader().collection("outbox").find({}, sort=[("_id", 1)])
    messages = [Message(id=row["_id"], key=row["key"], body=row["body"]) for row in rows]
    await stage.hear(*messages, *messages)
