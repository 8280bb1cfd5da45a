"""Somebody tries an operation with what is nobody else's business: in its body, in a header, and where it cannot stand."""

import json
import secrets
from typing import Any

import pytest

from portico.foreign import Graph, Refused
from tests.journeys.quiet_ways import Visitor

TRIED = {
    "operationId": "noteTide",
    "parameters": [
        {"name": "harbour", "in": "query", "schema": {"type": "string"}},
        {"name": "X-Wish", "in": "header", "schema": {"type": "string"}},
    ],
    "requestBody": {
        "content": {
            "application/json": {"schema": {"type": "object", "properties": {"note": {"type": "string", "maxLength": 99}}}}
        }
    },
    "responses": {"204": {"description": "Noted."}},
}
SHOWN = "... on Trial { request { url headers { name value } body } requestVerdict { findings { message } } response { status } }"


async def a_trials_ways(visit: Visitor, owner: Graph, application_id: str, product_id: str) -> None:
    """Try well and badly; what was sent, and the token that was sent beside it, are secrets from then on."""
    text = "query($id: ID!) { node(id: $id) { ... on Product { apis { versions { id } } } } }"
    (api,) = (await owner.ask(text, id=product_id))["node"]["apis"]
    wanted: dict[str, Any] = {"applicationId": application_id, "versionId": api["versions"][0]["id"], "operationId": "noteTide"}
    names = ("body", "header", "parameter", "body that is too long", "parameter that there is not", "header that is refused")
    sent = {name: f"tried-{secrets.token_hex(12)}" for name in names}
    visit.secrets |= {f"{name} of a trial": value for name, value in sent.items()}
    content = json.dumps({"note": sent["body"]})
    parameters = [{"name": "harbour", "value": sent["parameter"]}, {"name": "X-Wish", "value": sent["header"]}]
    shown = await owner.do("tryOperation", SHOWN, **wanted, parameters=parameters, body=content)
    assert (shown["request"]["body"], shown["response"]["status"]) == (content, 204)
    assert sent["parameter"] in shown["request"]["url"]
    head = visit.running.called[-1].decode()
    (token,) = [line.rpartition(" ")[2] for line in head.split("\r\n") if line.lower().startswith("authorization:")]
    visit.secrets["token of a trial"] = token
    # The member sees it deviate, and it is not written down for that.
    deviates = await owner.do("tryOperation", SHOWN, **wanted, body=json.dumps({"note": sent["body that is too long"] * 9}))
    assert deviates["requestVerdict"]["findings"]
    for unusable in (
        {"parameters": [{"name": sent["parameter that there is not"], "value": "x"}]},
        {"headers": [{"name": "Host", "value": sent["header that is refused"]}]},
    ):
        with pytest.raises(Refused, match="TRIAL_NOT_USABLE"):
            await owner.do("tryOperation", SHOWN, **wanted, **unusable)
