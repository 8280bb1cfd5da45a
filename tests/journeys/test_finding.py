"""Finding and reading in the catalogue, through the graph: languages, categories, facets and guidance, as anybody sees them."""

from typing import Any

from tests.journeys.two_organizations import World

SHOWN = """query($id: ID!, $search: String!, $category: ID!, $provider: ID!, $slug: String!) {
  products(search: $search, filter: { category: $category, provider: $provider }) { totalCount nodes { id } }
  productFacets(search: $search, filter: { category: $category, provider: $provider }) {
    total sensitivities { sensitivity count } categories { category { id text(language: LV) { language name } } count }
    providers { provider { id name } count }
  }
  categories { id slug parent { id } }
  guidance(language: RU, step: A1) { language markdown productId languages }
  product(slug: $slug) {
    title mainLanguage texts { language title } text(language: RU) { language title summary }
    categories { id name parent { id } } guidance(language: LV, step: A1) { language markdown productId step }
  }
  node(id: $id) { ... on Category { slug names { language name } } }
}"""


async def made(world: World, who: str, verb: str, type_: str, **given: Any) -> dict[str, Any]:
    return await world.make(who, verb, f"... on {type_} {{ id }}", **given)


async def test_what_is_offered_is_found_and_read_in_every_language(world: World) -> None:
    names = [_in("EN", name="Tides"), _in("LV", name="Paisumi")]
    top = await category(world, "sea", [_in("LV", name="Jūra")], None)
    below = await category(world, "tides", names, top)
    texts = [_in("LV", title="Paisuma tabulas", summary="Kad būs paisums"), _in("RU", title="Приливы", summary="")]
    product, organization = world.ids["public_product"], world.ids["organization"]
    await made(world, "owner", "changeProduct", "Product", productId=product, texts=texts, categories=[below])
    await made(world, "operator", "writeGuidance", "GuidancePage", step="A1", texts=[_in("EN", markdown="# Find")])
    added = {"step": "A1", "productId": product, "texts": [_in("LV", markdown="Sāc ar tabulām")]}
    await made(world, "owner", "writeGuidance", "GuidancePage", **added)
    for who in ("nobody", "stranger", "observer"):
        for search in ("paisums tabula", "приливов", "juru", "tide"):
            wanted = {"id": below, "search": search, "category": top, "provider": organization, "slug": world.ids["public_slug"]}
            seen = await world.people[who].ask(SHOWN, **wanted)
            assert seen["products"] == {"totalCount": 1, "nodes": [{"id": product}]}, search
            check_counts(seen["productFacets"], organization, {top: "Jūra", below: "Paisumi"})
        assert {"id": below, "slug": f"tides-{world.mark}", "parent": {"id": top}} in seen["categories"]
        assert seen["guidance"] == [{"language": "EN", "markdown": "# Find", "productId": None, "languages": ["EN"]}]
        shown = seen["product"]
        assert [each["language"] for each in shown["texts"]] == ["EN", "LV", "RU"]
        assert (shown["mainLanguage"], shown["text"]["title"]) == ("EN", "Приливы")
        assert shown["categories"] == [{"id": below, "name": "Tides", "parent": {"id": top}}]
        assert [(each["language"], each["productId"]) for each in shown["guidance"]] == [("EN", None), ("LV", product)]
        assert seen["node"]["slug"] == f"tides-{world.mark}"
    removed = await world.make(
        "owner", "removeGuidance", "... on RemovedGuidance { id step productId }", step="A1", productId=product
    )
    assert (removed["step"], removed["productId"]) == ("A1", product)
    gone = await world.make("operator", "removeCategory", "... on RemovedCategory { categoryId }", categoryId=below)
    assert gone["categoryId"] == below


async def category(world: World, slug: str, names: list[dict[str, str]], parent_id: str | None) -> str:
    given = {"slug": f"{slug}-{world.mark}", "names": names, "parentId": parent_id}
    return str((await made(world, "operator", "createCategory", "Category", **given))["id"])


def check_counts(facets: dict[str, Any], organization: str, categories: dict[str, str]) -> None:
    assert (facets["total"], facets["sensitivities"]) == (1, [{"sensitivity": "STANDARD", "count": 1}])
    assert [(each["provider"]["id"], each["count"]) for each in facets["providers"]] == [(organization, 1)]
    counted = {each["category"]["id"]: each["category"]["text"]["name"] for each in facets["categories"]}
    assert counted.items() >= categories.items()


def _in(language: str, **text: str) -> dict[str, str]:
    return {"language": language, **text}
