"""Guidance: the platform's pages and what providers add; who writes, who reads, in which language."""

from typing import Any

import pytest

from tests.services.catalog.stage import PROVIDER, Person, Stage


def page(**by_language: str) -> list[dict[str, str]]:
    return [{"language": language.upper(), "markdown": text} for language, text in by_language.items()]


async def read(person: Person, language: str = "EN", **args: Any) -> list[tuple[str, str, str]]:
    (rows,) = (await person.load("guidance", [None], language=language, **args)).rows
    return [(row["step"], row["language"], row["markdown"]) for row in rows]


async def read_of(person: Person, product_id: str, **args: Any) -> list[tuple[str, str, str]] | None:
    (rows,) = (await person.load("guidance_by_product", [product_id], **{"language": "EN", **args})).rows
    return None if rows is None else [(row["step"], row["product_id"] or "", row["markdown"]) for row in rows]


async def test_the_operator_writes_pages_that_everybody_reads_in_their_language(stage: Stage) -> None:
    written = (await stage.operator.do("write_guidance", step="A1", texts=page(lv="# Atrodi", en="# Find"))).result
    await stage.operator.do("write_guidance", step="B10", texts=page(ru="Смотри"))
    await stage.operator.do("write_guidance", step="B2", texts=page(en="Sign in"))
    assert written["languages"] == ["LV", "EN"]
    everybody = (stage.anonymous, stage.provider, stage.stranger)
    for person in everybody:
        assert await read(person, "LV") == [("A1", "LV", "# Atrodi"), ("B2", "EN", "Sign in"), ("B10", "RU", "Смотри")]
        assert await read(person, "RU", step="A1") == [("A1", "EN", "# Find")]
        assert await read(person, step="A2") == []
    again = (await stage.operator.do("write_guidance", step="A1", texts=page(en="# Find", lv="# Atrodi"))).result
    assert again["id"] == written["id"]
    await stage.operator.do("write_guidance", step="A1", texts=page(en="# Look"))
    assert await read(stage.anonymous, "LV", step="A1") == [("A1", "EN", "# Look")]
    facts = await stage.facts("guidance_written")
    assert [(fact["step"], fact["languages"]) for fact in facts] == [
        ("A1", ["LV", "EN"]),
        ("B10", ["RU"]),
        ("B2", ["EN"]),
        ("A1", ["EN"]),
    ]
    assert facts[0] == {
        "page_id": written["id"],
        "step": "A1",
        "product_id": None,
        "organization_id": None,
        "languages": ["LV", "EN"],
    }
    await stage.operator.do("remove_guidance", step="A1")
    assert await read(stage.anonymous, step="A1") == []
    assert len(await stage.facts("guidance_removed")) == 1
    assert (await stage.operator.do("remove_guidance", step="A1")).code == "NO_SUCH_GUIDANCE"


async def test_a_provider_adds_to_the_pages_for_its_product(stage: Stage) -> None:
    published = await stage.published()
    draft = await stage.product("draft")
    await stage.operator.do("write_guidance", step="A7", texts=page(en="Call it"))
    for role in ("OWNER", "ADMINISTRATOR", "DEVELOPER"):
        wanted = {"step": "A7", "product_id": published.product_id, "texts": page(en=f"By {role}")}
        assert (await stage.member(PROVIDER, role).do("write_guidance", **wanted)).result["product_id"] == published.product_id
    await stage.provider.do("write_guidance", step="A2", product_id=published.product_id, texts=page(en="Agree first"))
    await stage.provider.do("write_guidance", step="A7", product_id=draft["id"], texts=page(en="Not yet"))
    own = published.product_id
    expected = [("A2", own, "Agree first"), ("A7", "", "Call it"), ("A7", own, "By DEVELOPER")]
    for person in (stage.anonymous, stage.provider, stage.stranger):
        assert await read_of(person, own) == expected
        assert await read_of(person, own, step="A7") == expected[1:]
        assert await read(person) == [("A7", "EN", "Call it")], "a product's pages are not the platform's"
        assert await read_of(person, "prd_none") is None
    assert await read_of(stage.provider, draft["id"]) == [("A7", "", "Call it"), ("A7", draft["id"], "Not yet")]
    for person in (stage.anonymous, stage.stranger, stage.operator):
        assert await read_of(person, draft["id"]) is None
    (fact, *_) = (
        each for each in await stage.announced() if each["type"] == "portico.catalog.guidance_written.v1" and "audience" in each
    )
    assert (fact["audience"], fact["data"]["organization_id"]) == (PROVIDER, PROVIDER)


async def test_nobody_else_writes(stage: Stage) -> None:
    published = await stage.published()
    of_product = {"step": "A7", "product_id": published.product_id}
    for verb, more in (("write_guidance", {"texts": page(en="Mine")}), ("remove_guidance", {})):
        for person, platform, product in (
            (stage.anonymous, "SIGN_IN_FIRST", "SIGN_IN_FIRST"),
            (stage.provider, "OPERATOR_ONLY", None),
            (stage.member(PROVIDER, "OBSERVER"), "OPERATOR_ONLY", "ROLE_NOT_ALLOWED"),
            (stage.stranger, "OPERATOR_ONLY", "NOT_FOUND"),
            (stage.operator, None, "NOT_FOUND"),
        ):
            if platform is not None:
                assert (await person.do(verb, step="A7", **more)).code == platform
            if product is not None:
                told = await person.do(verb, **of_product, **more)
                absent = await person.do(verb, **{**of_product, "product_id": "prd_none"}, **more)
                assert told.code == product
                if product == "NOT_FOUND":
                    assert told.without_trace() == absent.without_trace()
    assert await read_of(stage.anonymous, published.product_id) == []


@pytest.mark.parametrize(
    "body",
    [
        {"step": "A9", "texts": page(en="x")},
        {"step": "A1", "texts": []},
        {"step": "A1", "texts": page(en=" ")},
        {"step": "A1", "texts": page(en="x" * 20_001)},
        {"step": "A1", "texts": page(en="a\u0000b")},
        {"step": "A1", "texts": page(de="x")},
        {"step": "A1", "texts": [*page(en="x"), *page(en="y")]},
    ],
)
async def test_what_is_no_page_is_refused(stage: Stage, body: dict[str, Any]) -> None:
    assert (await stage.operator.do("write_guidance", **body)).code in ("INPUT_NOT_USABLE", "LANGUAGE_TWICE")
    assert (await stage.anonymous.load("guidance", [None], language="DE")).code == "INPUT_NOT_USABLE"


async def test_markdown_is_kept_as_it_was_written(stage: Stage) -> None:
    text = "# Title\n\n<script>alert(1)</script>\n\n- [x](javascript:y)\n\tcode & more"
    await stage.operator.do("write_guidance", step="A1", texts=page(en=text))
    assert await read(stage.anonymous, step="A1") == [("A1", "EN", text)]
