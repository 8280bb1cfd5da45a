"""What a product says of itself in several languages, and which of it is shown."""

from typing import Any

import pytest

from tests.services.catalog.stage import PROVIDER, Stage

LATVIAN = {"language": "LV", "title": "Konti", "summary": "Viss par kontiem"}
RUSSIAN = {"language": "RU", "title": "Счета", "summary": ""}
ENGLISH = {"language": "EN", "title": "Accounts", "summary": "All about accounts"}


async def shown(stage: Stage, product_id: str, language: str) -> Any:
    (row, none) = (await stage.provider.load("product_texts", [product_id, "prd_none"], language=language)).rows
    assert none is None
    return row


async def test_a_text_is_shown_in_the_language_asked_for_or_in_the_main_one(stage: Stage) -> None:
    product = await stage.product(main_language="RU", title="Счета", summary="", texts=[ENGLISH, LATVIAN])
    assert (product["title"], product["main_language"], product["texts"]) == ("Счета", "RU", [RUSSIAN, LATVIAN, ENGLISH])
    assert [await shown(stage, product["id"], each) for each in ("LV", "RU", "EN")] == [LATVIAN, RUSSIAN, ENGLISH]
    product = (await stage.provider.do("change_product", product_id=product["id"], texts=[ENGLISH])).result
    assert product["texts"] == [RUSSIAN, ENGLISH]
    assert await shown(stage, product["id"], "LV") == RUSSIAN
    changed = (await stage.provider.do("change_product", product_id=product["id"], summary="Всё")).result
    assert changed["texts"] == [{**RUSSIAN, "summary": "Всё"}, ENGLISH], "what is left out stays"
    assert len(await stage.facts("product_changed")) == 2
    for person in (stage.anonymous, stage.stranger):
        assert (await person.load("product_texts", [product["id"]], language="LV")).rows == [None]


async def test_without_more_there_is_one_text_in_english(stage: Stage) -> None:
    product = await stage.product()
    assert (product["main_language"], product["texts"]) == ("EN", [ENGLISH])
    assert await shown(stage, product["id"], "RU") == ENGLISH


async def test_another_main_language_takes_its_own_text(stage: Stage) -> None:
    product = await stage.product(texts=[LATVIAN])
    changed = (await stage.provider.do("change_product", product_id=product["id"], main_language="LV")).result
    assert (changed["title"], changed["texts"]) == ("Konti", [LATVIAN, ENGLISH])
    relabelled = (await stage.provider.do("change_product", product_id=product["id"], main_language="RU")).result
    assert (relabelled["title"], relabelled["main_language"]) == ("Konti", "RU"), "there was no Russian text to take"
    same = (await stage.provider.do("change_product", product_id=product["id"], main_language="RU")).result
    assert same == relabelled


@pytest.mark.parametrize(
    ("texts", "code"),
    [
        ([ENGLISH], "MAIN_LANGUAGE_TWICE"),
        ([LATVIAN, LATVIAN], "LANGUAGE_TWICE"),
        ([{**LATVIAN, "language": "DE"}], "INPUT_NOT_USABLE"),
        ([{**LATVIAN, "title": ""}], "INPUT_NOT_USABLE"),
        ([{**LATVIAN, "title": "a\nb"}], "INPUT_NOT_USABLE"),
        ([{**LATVIAN, "more": 1}], "INPUT_NOT_USABLE"),
    ],
)
async def test_texts_that_cannot_be_used_are_refused(stage: Stage, texts: list[Any], code: str) -> None:
    wanted = {"organization_id": PROVIDER, "title": "X", "sensitivity": "STANDARD", "texts": texts}
    assert (await stage.provider.do("create_product", **wanted)).code == code


async def test_what_was_kept_before_there_were_languages_is_in_english(stage: Stage) -> None:
    product = await stage.product()
    fields = {"main_language": "", "translations": "", "category_ids": ""}
    await stage.service.store.database["products"].update_one({"_id": product["id"]}, {"$unset": fields})
    (row,) = (await stage.provider.load("products_by_id", [product["id"]])).rows
    assert row == product
