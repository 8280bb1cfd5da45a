"""The demonstration's texts: guidance for every step, categories, and what its products say in Latvian and Russian.

All of it stands in data files. What is there already stays as it is.
"""

import asyncio
from pathlib import Path
from typing import Any

import yaml

from portico.foreign import Graph

_FOLDER = Path(__file__).parent / "demonstration"
_AT_ONCE = 6


def _read(name: str) -> dict[str, Any]:
    read: dict[str, Any] = yaml.safe_load((_FOLDER / name).read_text(encoding="utf-8"))
    return read


async def load_guidance(operator: Graph) -> None:
    """Write the platform's pages of those steps that have none."""
    shown = (await operator.ask("{ guidance(language: EN) { step } }"))["guidance"]
    present = {page["step"] for page in shown}
    missing = [(step, texts) for step, texts in _read("guidance.yaml").items() if step not in present]
    for start in range(0, len(missing), _AT_ONCE):
        await asyncio.gather(*(_write(operator, step, texts) for step, texts in missing[start : start + _AT_ONCE]))


async def _write(operator: Graph, step: str, texts: dict[str, str]) -> None:
    pages = [{"language": language, "markdown": text.strip()} for language, text in texts.items()]
    await operator.do("writeGuidance", "... on GuidancePage { id }", step=step, texts=pages)


async def load_catalogue_texts(operator: Graph, provider: Graph) -> None:
    """Create the categories that are missing, and let the products say what they are in every language."""
    wanted = _read("catalogue.yaml")
    categories = await _categories(operator, wanted["categories"])
    await asyncio.gather(
        *(_product(provider, slug, dict(says), categories) for slug, says in wanted["products"].items()),
    )


async def _categories(operator: Graph, wanted: list[dict[str, Any]]) -> dict[str, str]:
    shown = (await operator.ask("{ categories { id slug } }"))["categories"]
    ids = {each["slug"]: str(each["id"]) for each in shown}
    for category in wanted:
        if category["slug"] in ids:
            continue
        names = [{"language": language, "name": name} for language, name in category["names"].items()]
        given = {"slug": category["slug"], "names": names, "parentId": ids.get(category.get("parent", ""))}
        made = await operator.do("createCategory", "... on Category { id }", **given)
        ids[category["slug"]] = str(made["id"])
    return ids


async def _product(provider: Graph, slug: str, says: dict[str, Any], categories: dict[str, str]) -> None:
    document = "query($slug: String!) { product(slug: $slug) { id texts { language } categories { id } } }"
    product = (await provider.ask(document, slug=slug))["product"]
    if len(product["texts"]) > 1 or product["categories"]:
        return
    ids = [categories[each] for each in says.pop("categories")]
    texts = [{"language": language, **text} for language, text in says.items()]
    await provider.do("changeProduct", "... on Product { id }", productId=product["id"], texts=texts, categories=ids)
