"""The demonstration's texts are complete: every step and every product, in every language."""

from pathlib import Path
from typing import Any

import yaml

from portico.demo import PRODUCTS
from services.catalog.guidance.domain import LONGEST, Step
from services.catalog.texts.domain import Language

FOLDER = Path(__file__).parents[2] / "portico" / "demonstration"


def read(name: str) -> Any:
    return yaml.safe_load((FOLDER / name).read_text(encoding="utf-8"))


def test_every_step_has_its_page_in_every_language() -> None:
    pages = read("guidance.yaml")
    assert list(pages) == [step.value for step in Step]
    for step, texts in pages.items():
        assert set(texts) == {language.value for language in Language}, step
        assert all(0 < len(text.strip()) <= LONGEST for text in texts.values()), step


def test_every_product_says_what_it_is_in_every_language() -> None:
    catalogue = read("catalogue.yaml")
    slugs = [category["slug"] for category in catalogue["categories"]]
    for number, category in enumerate(catalogue["categories"]):
        assert category.get("parent") in (None, *slugs[:number]), "a parent comes first"
        assert set(category["names"]) == {language.value for language in Language}
    assert set(catalogue["products"]) == {product.slug for product in PRODUCTS}
    for slug, says in catalogue["products"].items():
        assert set(says) == {"categories", "LV", "RU"}, slug
        assert set(says["categories"]) <= set(slugs), slug
