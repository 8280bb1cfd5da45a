"""The tree of categories: the operator's alone, small, and named in every language."""

from typing import Any

import pytest

from tests.services.catalog.stage import PROVIDER, Stage


def names(**by_language: str) -> list[dict[str, str]]:
    return [{"language": language.upper(), "name": name} for language, name in by_language.items()]


async def create(stage: Stage, slug: str, parent_id: str | None = None, **by_language: str) -> dict[str, Any]:
    wanted = {"slug": slug, "names": names(**(by_language or {"en": slug.title()})), "parent_id": parent_id}
    return (await stage.operator.do("create_category", **wanted)).result


async def test_the_tree_is_read_by_everybody_each_category_after_its_parent(stage: Stage) -> None:
    registers = await create(stage, "registers", en="Registers", lv="Reģistri", ru="Реестры")
    finance = await create(stage, "finance", lv="Finanses")
    land = await create(stage, "land", registers["id"])
    await create(stage, "people", registers["id"])
    rows = (await stage.anonymous.load("categories", [None])).rows[0]
    assert [row["slug"] for row in rows] == ["finance", "registers", "land", "people"]
    assert [row["name"] for row in rows] == ["Finanses", "Registers", "Land", "People"]
    (of_land, of_none) = (await stage.anonymous.load("categories_by_id", [land["id"], "ctg_none"])).rows
    assert (of_land["parent_id"], of_none) == (registers["id"], None)
    named = (await stage.anonymous.load("category_names", [registers["id"], finance["id"], "ctg_none"], language="RU")).rows
    assert named == [{"language": "RU", "name": "Реестры"}, {"language": "LV", "name": "Finanses"}, None]
    assert await stage.facts("category_created") == [
        {"category_id": registers["id"], "slug": "registers", "parent_id": None,
         "names": {"LV": "Reģistri", "RU": "Реестры", "EN": "Registers"}},
        {"category_id": finance["id"], "slug": "finance", "parent_id": None, "names": {"LV": "Finanses"}},
        {"category_id": land["id"], "slug": "land", "parent_id": registers["id"], "names": {"EN": "Land"}},
        {"category_id": rows[-1]["id"], "slug": "people", "parent_id": registers["id"], "names": {"EN": "People"}},
    ]  # fmt: skip


async def test_what_cannot_stand_is_refused(stage: Stage) -> None:
    operator = stage.operator
    top = await create(stage, "top")
    below = await create(stage, "below", top["id"])
    deep = await create(stage, "deep", (await create(stage, "deeper", below["id"]))["id"])
    again = {"category_id": top["id"], "slug": "top", "names": names(en="Top")}
    for verb, body, code in (
        ("create_category", {"slug": "top", "names": names(en="X")}, "CATEGORY_SLUG_TAKEN"),
        ("create_category", {"slug": "x", "names": names(en="X"), "parent_id": "ctg_none"}, "NO_SUCH_PARENT"),
        ("create_category", {"slug": "x", "names": names(en="X"), "parent_id": deep["id"]}, "CATEGORY_TOO_DEEP"),
        ("create_category", {"slug": "x", "names": [*names(en="X"), *names(en="Y")]}, "LANGUAGE_TWICE"),
        ("create_category", {"slug": "x", "names": []}, "INPUT_NOT_USABLE"),
        ("create_category", {"slug": "X y", "names": names(en="X")}, "INPUT_NOT_USABLE"),
        ("create_category", {"slug": "x", "names": names(de="X")}, "INPUT_NOT_USABLE"),
        ("change_category", {**again, "parent_id": below["id"]}, "CATEGORY_WITHIN_ITSELF"),
        ("change_category", {**again, "parent_id": top["id"]}, "CATEGORY_WITHIN_ITSELF"),
        ("change_category", {**again, "slug": "below"}, "CATEGORY_SLUG_TAKEN"),
        ("change_category", {**again, "category_id": "ctg_none"}, "NOT_FOUND"),
        ("remove_category", {"category_id": top["id"]}, "CATEGORY_HAS_CHILDREN"),
        ("remove_category", {"category_id": "ctg_none"}, "NOT_FOUND"),
    ):
        assert (await operator.do(verb, **body)).code == code, (verb, body)
    await operator.do("change_category", **again)
    assert await stage.facts("category_changed") == [], "the same is no change"
    await operator.do("remove_category", category_id=deep["id"])
    assert await stage.facts("category_removed") == [{"category_id": deep["id"], "slug": "deep"}]


async def test_the_tree_is_the_operators_alone(stage: Stage) -> None:
    top = await create(stage, "top")
    for verb, body in (
        ("create_category", {"slug": "mine", "names": names(en="Mine")}),
        ("change_category", {"category_id": top["id"], "slug": "mine", "names": names(en="Mine")}),
        ("remove_category", {"category_id": top["id"]}),
        ("remove_category", {"category_id": "ctg_none"}),
    ):
        for person, code in (
            (stage.anonymous, "SIGN_IN_FIRST"),
            (stage.provider, "OPERATOR_ONLY"),
            (stage.stranger, "OPERATOR_ONLY"),
        ):
            assert (await person.do(verb, **body)).code == code
    assert [row["slug"] for row in (await stage.anonymous.load("categories", [None])).rows[0]] == ["top"]


async def test_a_product_is_put_into_categories_that_exist(stage: Stage) -> None:
    top = await create(stage, "top")
    product = await stage.product(categories=[top["id"], top["id"]])
    assert product["category_ids"] == [top["id"]]
    wanted = {"organization_id": PROVIDER, "title": "X", "sensitivity": "STANDARD", "categories": [top["id"], "ctg_none"]}
    refused = await stage.provider.do("create_product", **wanted)
    assert (refused.code, refused.said) == ("NO_SUCH_CATEGORIES", ["categories: ctg_none is no category"])
    assert (
        await stage.provider.do("change_product", product_id=product["id"], categories=["ctg_none"])
    ).code == "NO_SUCH_CATEGORIES"
    assert (await stage.provider.do("change_product", product_id=product["id"], categories=["x"] * 6)).code == "INPUT_NOT_USABLE"
    await stage.operator.do("remove_category", category_id=top["id"])
    changed = (await stage.provider.do("change_product", product_id=product["id"], title="Other")).result
    assert (changed["title"], (await stage.provider.load("categories_by_ids", [changed["category_ids"]])).rows) == ("Other", [[]])
    assert (await stage.provider.do("change_product", product_id=product["id"], categories=[])).result["category_ids"] == []


@pytest.mark.parametrize("keys", [["x"], [5], [[5]], [None]])
async def test_odd_keys_are_no_failure(stage: Stage, keys: list[Any]) -> None:
    assert (await stage.anonymous.load("categories_by_ids", keys)).rows == [[]]
