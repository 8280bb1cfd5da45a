"""What a product asks for before somebody may subscribe to it."""

from typing import Any

import pytest

from tests.services.catalog.stage import PROVIDER, Stage

ALL = ["ONBOARDING", "AGREEMENT", "PERMISSION"]


async def _told(stage: Stage) -> list[list[str]]:
    return [each["prerequisites"] for key in ("product_created", "product_changed") for each in await stage.facts(key)]


@pytest.mark.parametrize(
    ("sensitivity", "given", "kept"),
    [
        ("STANDARD", None, []),
        ("STANDARD", [], []),
        ("STANDARD", ["PERMISSION", "ONBOARDING", "PERMISSION"], ["ONBOARDING", "PERMISSION"]),
        ("OPEN_TEST", None, []),
        ("OPEN_TEST", [], []),
        ("CONFIDENTIAL", None, ["AGREEMENT"]),
        ("CONFIDENTIAL", [], ["AGREEMENT"]),
        ("CONFIDENTIAL", ["PERMISSION", "ONBOARDING"], ALL),
    ],
)
async def test_a_product_begins_with_prerequisites(stage: Stage, sensitivity: str, given: Any, kept: list[str]) -> None:
    row = await stage.product(sensitivity=sensitivity, prerequisites=given)
    assert row["prerequisites"] == kept
    assert (await stage.provider.load("products_by_id", [row["id"]])).rows == [row]
    assert await _told(stage) == [kept]


async def test_an_open_test_product_has_none(stage: Stage) -> None:
    body = {"organization_id": PROVIDER, "title": "Try me", "sensitivity": "OPEN_TEST", "prerequisites": ["ONBOARDING"]}
    answered = await stage.provider.do("create_product", **body)
    assert (answered.status, answered.code) == (422, "OPEN_TEST_ASKS_FOR_NOTHING")
    assert answered.said == ["prerequisites: name none, because the product is an open test"]
    row = await stage.product(prerequisites=["ONBOARDING"])
    answered = await stage.provider.do("change_product", product_id=row["id"], sensitivity="OPEN_TEST", prerequisites=ALL)
    assert answered.code == "OPEN_TEST_ASKS_FOR_NOTHING"
    changed = (await stage.provider.do("change_product", product_id=row["id"], sensitivity="OPEN_TEST")).result
    assert changed["prerequisites"] == []


async def test_no_confidential_product_is_had_without_an_agreement(stage: Stage) -> None:
    row = await stage.product(sensitivity="CONFIDENTIAL", prerequisites=["PERMISSION"])
    for less in ([], ["PERMISSION"], ["ONBOARDING", "PERMISSION"]):
        answered = await stage.provider.do("change_product", product_id=row["id"], prerequisites=less)
        assert (answered.status, answered.code) == (422, "AGREEMENT_ALWAYS_NEEDED")
    assert answered.said == ["prerequisites: name AGREEMENT too, because the product is confidential"]
    changed = (await stage.provider.do("change_product", product_id=row["id"], prerequisites=["AGREEMENT"])).result
    assert changed["prerequisites"] == ["AGREEMENT"]


async def test_a_product_that_becomes_another_asks_for_no_less_unless_that_is_said(stage: Stage) -> None:
    row = await stage.product(prerequisites=["PERMISSION"])

    async def changed(**body: Any) -> list[str]:
        found = (await stage.provider.do("change_product", product_id=row["id"], **body)).result["prerequisites"]
        assert isinstance(found, list)
        return found

    assert await changed(sensitivity="CONFIDENTIAL") == ["AGREEMENT", "PERMISSION"]
    assert await changed(sensitivity="STANDARD") == ["AGREEMENT", "PERMISSION"]
    assert await changed(title="Other") == ["AGREEMENT", "PERMISSION"]
    assert await changed(prerequisites=[]) == []
    assert await changed(sensitivity="CONFIDENTIAL", prerequisites=["ONBOARDING"]) == ["ONBOARDING", "AGREEMENT"]
    assert await changed(sensitivity="STANDARD", prerequisites=[]) == []
    assert (await _told(stage))[-1] == []


@pytest.mark.parametrize("given", ["PERMISSION", ["NOTHING"], [None], 1])
async def test_what_is_no_prerequisite_is_refused(stage: Stage, given: Any) -> None:
    row = await stage.product()
    answered = await stage.provider.do("change_product", product_id=row["id"], prerequisites=given)
    assert (answered.status, answered.code) == (422, "INPUT_NOT_USABLE")
    assert answered.said[0].startswith("prerequisites")


async def test_what_was_kept_before_there_were_prerequisites_has_those_of_its_sensitivity(stage: Stage) -> None:
    standard, confidential = await stage.product("plain"), await stage.product("secret", sensitivity="CONFIDENTIAL")

    async def forget(tx: Any) -> None:
        for row in (standard, confidential):
            await tx.collection("products").update_one({"_id": row["id"]}, {"$unset": {"prerequisites": ""}})

    store = stage.service.store
    await store.transact(store.reader().principal, forget)
    rows = (await stage.provider.load("products_by_id", [standard["id"], confidential["id"]])).rows
    assert [each["prerequisites"] for each in rows] == [[], ["AGREEMENT"]]
    changed = await stage.provider.do("change_product", product_id=confidential["id"], title="Still secret")
    assert changed.result["prerequisites"] == ["AGREEMENT"]
