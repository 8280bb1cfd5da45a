"""Announcements that are not what they are to be: refused for good or read as far as they can be, and nothing fails by them."""

from typing import Any

import orjson
import pytest

from chassis.bus import Message
from chassis.errors import Refusal
from tests.services.stage import Stage, envelope
from tests.services.subscriptions.announcements import (
    APPLICATION,
    AUTOMATIC,
    CONSUMER,
    PRODUCT,
    PROVIDER,
    application,
    application_deleted,
    plan,
)
from tests.services.subscriptions.concluding import file_kept, judged, member, not_attached, platform_role
from tests.services.subscriptions.permitting import REQUEST

OWNED = {"product_id": PRODUCT, "organization_id": PROVIDER, "sensitivity": "STANDARD"}
AGREED = {"organization_id": CONSUMER, "provider_id": PROVIDER, "product_id": PRODUCT}
ODD: list[Any] = [None, {}, {"$gt": ""}, [], [["a"]]]
MOMENTS = ["2030-01-01T00:00:00", "9999-12-31T23:59:59-12:00", "0001-01-01T00:00:00+12:00", 7, []]


def with_field(message: Message, name: str, value: Any, number: int) -> Message:
    """Return the same announcement with something else in a field."""
    wrapped = orjson.loads(message.body)
    return envelope(message.key, wrapped["subject"], 100 + number, {**wrapped["data"], name: value})


NEEDED = [
    (application(), "organization_id"),
    (application(), "client_id"),
    (application_deleted(), "organization_id"),
    (plan(), "product_id"),
    (envelope("catalog.product_changed.v1", PRODUCT, 2, OWNED), "sensitivity"),
    (member("usr_1"), "user_id"),
    (platform_role("usr_1", "SUPPORT"), "role"),
    (file_kept("fil_odd", "usr_1"), "uploaded_by"),
    (judged("fil_odd", "agr_1"), "verdict"),
    (not_attached("fil_odd", "agr_1"), "attached_to"),
    (envelope("subscriptions.agreement_confirmed.v1", "agr_1", 1, AGREED), "organization_id"),
    (envelope("subscriptions.connection_completed.v1", "cnr_1", 1, AGREED), "organization_id"),
]


@pytest.mark.parametrize(("message", "name"), NEEDED, ids=lambda each: each if isinstance(each, str) else each.key.split(".")[1])
async def test_a_needed_field_with_something_else_in_it_is_refused_for_good(stage: Stage, message: Message, name: str) -> None:
    for number, value in enumerate(ODD):
        with pytest.raises(Refusal) as refused:
            await stage.hear(with_field(message, name, value, number))
        assert refused.value.code == "ANNOUNCEMENT_NOT_USABLE", value
    owner = stage.person(org_consumer="OWNER")
    assert (await owner.do("subscribe", application_id=APPLICATION, product_id=PRODUCT, plan_id=AUTOMATIC)).status == 200


@pytest.mark.parametrize("value", MOMENTS)
@pytest.mark.parametrize(("message", "name"), [(plan(), "valid_from"), (judged("fil_odd", "agr_1"), "judged_at")])
async def test_what_is_no_moment_is_refused_for_good(stage: Stage, message: Message, name: str, value: Any) -> None:
    if (name, value) == ("judged_at", []):
        value = {}
    with pytest.raises(Refusal) as refused:
        await stage.hear(with_field(message, name, value, 1))
    assert refused.value.code == "ANNOUNCEMENT_NOT_USABLE"


async def test_what_a_product_asks_for_is_read_as_far_as_it_can_be(stage: Stage) -> None:
    """Nothing odd is kept, on which every later look at the product would fail."""
    owner = stage.person(org_consumer="OWNER")
    row = (await owner.do("subscribe", application_id=APPLICATION, product_id=PRODUCT, plan_id=AUTOMATIC)).result
    odd: list[Any] = [["PERMISSION"], {"a": 1}, 7, None, "UNHEARD_OF"]
    for number, told in enumerate([odd, {"PERMISSION": 1}, "PERMISSION", 7, [*odd, "PERMISSION"]]):
        await stage.hear(envelope("catalog.product_changed.v1", PRODUCT, 2 + number, {**OWNED, "prerequisites": told}))
        (now,) = (await owner.load("subscriptions_by_id", [row["id"]])).rows
        assert now["status"] == ("SUSPENDED" if number == 4 else "ACTIVE"), told


async def test_operations_are_read_as_far_as_they_can_be(stage: Stage) -> None:
    owner = stage.person(org_consumer="OWNER")
    odd: list[Any] = [7, "read", {"operation_id": ["read"]}, {"operation_id": {"a": 1}}, {"method": "GET"}]
    told: list[Any] = [None, {}, 7, odd, [*odd, {"operation_id": "swim"}]]
    for number, operations in enumerate(told):
        data = {"version_id": "ver_odd", "product_id": PRODUCT, "operations": operations}
        await stage.hear(envelope("catalog.api_version_published.v1", "ver_odd", 2 + number, data))
        answer = await owner.do("request_permission", **{**REQUEST, "operations": ["swim"]})
        assert answer.status == (200 if number == 4 else 422), operations


@pytest.mark.parametrize(
    "around", [{"time": "2030-01-01T00:00:00"}, {"time": 7}, {"sequence": None}, {"data": [1]}, {"data": "text"}, {"time": None}]
)
async def test_an_envelope_that_is_none_is_refused_for_good(stage: Stage, around: dict[str, Any]) -> None:
    whole = application(application_id="app_odd")
    odd = Message(id=whole.id, key=whole.key, body=orjson.dumps({**orjson.loads(whole.body), **around}))
    with pytest.raises(Refusal) as refused:
        await stage.hear(odd)
    assert refused.value.code == "ENVELOPE_NOT_READABLE"
