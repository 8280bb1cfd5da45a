"""Searching: forms of words in three languages, ranks, facets; every process finds what is committed, and nobody a draft."""

import asyncio
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.catalog.finding.searching import KeepsIndex, Searcher
from services.catalog.finding.stems import languages_of, stems_of
from services.catalog.main import build
from services.catalog.products.words import fold, words_in
from services.catalog.settings import CatalogSettings
from services.catalog.texts.domain import Language
from tests.passports import make_verifier
from tests.services.catalog.stage import OTHER, PATIENT, PLAN, PROVIDER, Person, Stage, small

LETTERS = st.text(
    alphabet="aābcčdeēgģhiījkķlļmnņoprsštuūvzžабвгдеёжзийклмнопрстуфхцчшщъыьэюя \u0301\u0304\u0306-İßﬁ", max_size=40
)


async def titles(person: Person, **args: Any) -> list[str]:
    (row,) = (await person.load("products", [None], **args)).rows
    assert row["total"] >= len(row["nodes"])
    return [each["title"] for each in row["nodes"]]


async def facets(person: Person, **args: Any) -> dict[str, Any]:
    (row,) = (await person.load("product_facets", [None], **args)).rows
    found: dict[str, Any] = row
    return found


@pytest.fixture
async def library(stage: Stage) -> Stage:
    """Products that say what they are in several languages."""
    bare = small(paths={"/x": {"get": {"operationId": "x", "responses": {"200": {"description": "Done"}}}}})
    await stage.published(
        "companies", bare, title="Company register", summary="Everything on companies", tags=["registers"],
        texts=[
            {"language": "LV", "title": "Uzņēmumu reģistrs", "summary": "Ziņas par uzņēmumiem un to adresēm"},
            {"language": "RU", "title": "Реестр предприятий", "summary": "Сведения о счётах и лицензиях"},
        ],
    )  # fmt: skip
    await stage.published(
        "land", bare, title="Zemes kadastrs", summary="Robežas un īpašnieki", main_language="LV", tags=["zeme"],
        texts=[{"language": "EN", "title": "Land cadastre", "summary": "Boundaries and companies that own them"}],
    )  # fmt: skip
    await stage.published("filing", bare, title="Filing", summary="Send reports", tags=["company"])
    return stage


@pytest.mark.parametrize(
    ("search", "expected"),
    [
        ("company", ["Company register", "Filing", "Zemes kadastrs"]),
        ("COMPANIES", ["Company register", "Filing", "Zemes kadastrs"]),
        ("registering", ["Company register"]),
        ("uzņēmums", ["Company register"]),
        ("uznemuma", ["Company register"]),
        ("adrese", ["Company register"]),
        ("zemju", ["Zemes kadastrs"]),
        ("kadastra zemei", ["Zemes kadastrs"]),
        ("ipasnieku", ["Zemes kadastrs"]),
        ("предприятие", ["Company register"]),
        ("СЧЕТ", ["Company register"]),
        ("счёта лицензия", ["Company register"]),
        ("лиценз", ["Company register"]),
        ("zeme company", ["Zemes kadastrs"]),
        ("предприятие kadastrs", []),
    ],
)
async def test_every_form_of_a_word_finds_it_in_three_languages(library: Stage, search: str, expected: list[str]) -> None:
    assert await titles(library.anonymous, search=search) == expected


async def test_titles_before_tags_before_summaries_and_whole_words_before_beginnings(stage: Stage) -> None:
    bare = small(paths={"/port": {"get": {"operationId": "x", "responses": {"200": {"description": "Done"}}}}})
    await stage.published("f", bare, title="F")
    await stage.published("e", title="E", summary="Of ports and ships")
    await stage.published("d", title="D", summary="Of a port")
    await stage.published("c", title="C", summary="", tags=["portage"])
    await stage.published("b", title="Portable")
    await stage.published("a", title="Port")
    assert await titles(stage.anonymous, search="port") == ["Port", "Portable", "C", "D", "E", "F"]


async def test_finds_are_narrowed_down_and_counted(library: Stage) -> None:
    await library.operator.do("grant_provider_standing", organization_id=OTHER)
    product = (
        await library.member(OTHER, "OWNER").do(
            "create_product", organization_id=OTHER, title="Other companies", sensitivity="CONFIDENTIAL", tags=["Zeme", "company"]
        )
    ).result
    await library.product("draft", title="A draft of a company", tags=["zeme"])
    for verb, body in (("create_plan", {"product_id": product["id"], **PLAN}), ("import_api", {"product_id": product["id"]})):
        text = {"document": json.dumps(small())} if verb == "import_api" else {}
        made = (await library.member(OTHER, "OWNER").do(verb, **body, **text)).result
    await library.member(OTHER, "OWNER").do("publish_version", version_id=made["version"]["id"])
    anonymous = library.anonymous
    assert await titles(anonymous, provider=OTHER) == ["Other companies"]
    assert await titles(anonymous, tags=["ZEME", "company"]) == ["Other companies"]
    assert await titles(anonymous, tag="zeme", search="company", provider=PROVIDER) == ["Zemes kadastrs"]
    assert await titles(anonymous, category="ctg_none") == []
    everything = await facets(anonymous)
    assert everything["total"] == 4
    assert everything["sensitivities"] == [{"sensitivity": "STANDARD", "count": 3}, {"sensitivity": "CONFIDENTIAL", "count": 1}]
    assert [(each["tag"], each["count"]) for each in everything["tags"]] == [("company", 2), ("Zeme", 2), ("registers", 1)]
    assert everything["providers"] == [
        {"provider": {"id": PROVIDER, "name": "Agency"}, "count": 3},
        {"provider": {"id": OTHER, "name": "Others"}, "count": 1},
    ]
    narrowed = await facets(anonymous, search="zeme", provider=PROVIDER)
    assert (narrowed["total"], [each["tag"] for each in narrowed["tags"]]) == (1, ["zeme"])
    for person in (library.provider, library.operator, library.stranger):
        assert await facets(person) == everything, "a draft counts for nobody"
    for args in ({"tags": ["x"] * 21}, {"category": 5}, {"surprise": 1}, {"sensitivity": "SECRET"}, {"first": 1}):
        assert (await anonymous.load("product_facets", [None], **args)).code == "INPUT_NOT_USABLE"


async def test_categories_find_their_products_by_every_name(library: Stage) -> None:
    operator, anonymous = library.operator, library.anonymous
    names = [{"language": "EN", "name": "Real estate"}, {"language": "LV", "name": "Nekustamie īpašumi"}]
    top = (await operator.do("create_category", slug="estate", names=names)).result
    below = (
        await operator.do("create_category", slug="maps", names=[{"language": "RU", "name": "Карты"}], parent_id=top["id"])
    ).result
    (row,) = (await anonymous.load("products_by_slug", ["land"])).rows
    changed = (await library.provider.do("change_product", product_id=row["id"], categories=[below["id"]])).result
    assert changed["category_ids"] == [below["id"]]
    for search in ("estates", "nekustams", "nekustamais ipasums", "карта", "карты kadastrs"):
        assert await titles(anonymous, search=search) == ["Zemes kadastrs"], search
    for category in (top["id"], below["id"]):
        assert await titles(anonymous, category=category) == ["Zemes kadastrs"]
    counted = (await facets(anonymous))["categories"]
    assert sorted((each["category"]["slug"], each["count"]) for each in counted) == [("estate", 1), ("maps", 1)]
    named = [{"language": "EN", "name": "Geography"}]
    await operator.do("change_category", category_id=below["id"], slug="geography", names=named, parent_id=None)
    assert await titles(anonymous, search="карта") == await titles(anonymous, category=top["id"]) == []
    assert await titles(anonymous, search="geography") == ["Zemes kadastrs"]
    await operator.do("remove_category", category_id=below["id"])
    assert await titles(anonymous, search="geography") == await titles(anonymous, category=below["id"]) == []
    assert (await facets(anonymous))["categories"] == []
    assert (await anonymous.load("categories_by_ids", [[below["id"]], [top["id"]]])).rows[0] == []


async def test_every_process_finds_at_once_what_any_has_published(library: Stage) -> None:
    builds = [
        build(CatalogSettings(**PATIENT), library.service.bus, library.service.store, make_verifier(library.keys))
        for _ in range(2)
    ]
    others = [Stage(each, library.sandbox, library.keys) for each in builds]
    processes = [library, *others]
    for number in range(4):
        publishing = processes[number % 3]
        await publishing.published(f"new-{number}", title=f"Novelty {number}")
        found = await asyncio.gather(*(titles(each.anonymous, search="novelty") for each in processes))
        assert all(sorted(each) == [f"Novelty {earlier}" for earlier in range(number + 1)] for each in found)


async def test_what_was_published_before_entries_is_found_once_the_service_has_started(library: Stage) -> None:
    store = library.service.store
    await store.database["entries"].delete_many({})
    await store.database["finding"].delete_many({})
    searcher = Searcher(store)
    for _ in range(2):
        await KeepsIndex(store, searcher).look()
        index = await searcher.index(store.reader())
        assert index.size()[0] == 3
    assert await titles(library.anonymous, search="listaccounts") == []
    assert await titles(library.anonymous, search="uzņēmums") == ["Company register"]


async def test_an_index_that_was_often_changed_is_made_anew_and_finds_the_same(library: Stage) -> None:
    store = library.service.store
    searcher = Searcher(store)
    first = await searcher.index(store.reader())
    entry = await store.database["entries"].find_one({})
    assert entry is not None
    for _ in range(1100):
        first.put(entry)
    assert first.is_worn
    await library.published("last", title="Last company")
    second = await searcher.index(store.reader())
    assert second is not first
    assert (second.is_worn, second.size()[0]) == (False, 4)


@given(LETTERS)
def test_folding_again_changes_nothing(text: str) -> None:
    assert fold(fold(text)) == fold(text)
    assert words_in(fold(text)) == words_in(text)


@given(LETTERS, st.frozensets(st.sampled_from(list(Language))))
def test_whatever_a_text_is_indexed_by_its_own_words_find(text: str, said: frozenset[Language]) -> None:
    for word in words_in(text):
        indexed, asked = stems_of(word, languages_of(text, said)), stems_of(word, frozenset(Language))
        assert set(indexed) <= set(asked)
        assert words_in(word) == [word]
        assert words_in(word.upper()) == words_in(word.upper().lower())


@pytest.mark.parametrize(
    ("language", "forms"),
    [
        (Language.LV, "konts konta kontam kontu kontā konti kontiem kontus kontos"),
        (Language.LV, "adrese adreses adresei adresi adresē adrešu adresēm adresēs"),
        (Language.LV, "zeme zemes zemei zemi zemē zemju zemēm zemēs"),
        (Language.LV, "valsts valstij valsti valstī valstis valstu valstīm valstīs"),
        (Language.LV, "tirgus tirgum tirgu tirgū tirgi tirgiem tirgos"),
        (Language.LV, "publisks publiska publiskais publiskā publiskie publiskajiem publiskajām publiskajos publisko"),
        (Language.RU, "справка справки справке справку справкой справок справками справках"),
        (Language.EN, "account accounts accounted accounting"),
    ],
)
def test_forms_of_a_word_have_one_stem(language: Language, forms: str) -> None:
    stems = {stem for word in words_in(forms) for stem in stems_of(word, frozenset({language}))}
    assert len(stems - {"RU:справок"}) == 1, stems
