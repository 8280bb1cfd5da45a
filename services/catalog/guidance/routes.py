"""How to ask about guidance over HTTP."""

from typing import Annotated, Any

from pydantic import AfterValidator, Field, StringConstraints
from starlette.routing import BaseRoute

from chassis.web import Asked, Edge, Json, Routes, read_input
from services.catalog.guidance import access, actions
from services.catalog.guidance.domain import LONGEST, GuidancePage, GuidanceText, Step
from services.catalog.texts.domain import Language
from services.catalog.texts.inputs import Id, Input

_CONTROL = frozenset(map(chr, range(32))) - {"\n", "\t"} | {"\x7f"}


def _markdown(text: str) -> str:
    if not _CONTROL.isdisjoint(text):
        raise ValueError("write it without control characters, with \\n alone at the ends of lines")
    return text


class TextInput(Input):
    """A page in one language."""

    language: Language
    markdown: Annotated[
        str, StringConstraints(strip_whitespace=True, min_length=1, max_length=LONGEST), AfterValidator(_markdown)
    ]


class WriteGuidance(Input):
    """The input of ``write_guidance``: all texts of the page, as they are to be."""

    step: Step
    product_id: Id | None = None
    texts: Annotated[tuple[TextInput, ...], Field(min_length=1, max_length=len(Language))]


class RemoveGuidance(Input):
    """The input of ``remove_guidance``."""

    step: Step
    product_id: Id | None = None


class Guidance(Input):
    """The arguments of the loads: without a step the pages of all steps."""

    language: Language
    step: Step | None = None

    def steps(self) -> list[Step]:
        """Return the steps asked about."""
        return list(Step) if self.step is None else [self.step]


def page_row(page: GuidancePage, language: Language) -> dict[str, Any]:
    """Return a page as a row, in the language asked for or in the one that there is instead."""
    text = page.text_in(language)
    return {
        "id": page.id,
        "step": page.step.value,
        "product_id": page.product_id,
        "language": text.language.value,
        "markdown": text.markdown,
        "languages": [each.language.value for each in page.texts],
        "changed_at": page.changed_at,
    }


async def write_guidance(asked: Asked) -> Json:
    """Answer ``/do/write_guidance``: the page in the language of its first text."""
    wanted = asked.read(WriteGuidance)
    texts = [GuidanceText(each.language, each.markdown) for each in wanted.texts]
    page = await asked.transact(lambda tx: actions.write_guidance(tx, wanted.step, wanted.product_id, texts))
    return page_row(page, texts[0].language)


async def remove_guidance(asked: Asked) -> Json:
    """Answer ``/do/remove_guidance``."""
    wanted = asked.read(RemoveGuidance)
    page = await asked.transact(lambda tx: actions.remove_guidance(tx, wanted.step, wanted.product_id))
    return {"id": page.id, "step": page.step.value, "product_id": page.product_id}


async def guidance(asked: Asked) -> list[Json]:
    """Answer ``/load/guidance``: the platform's pages for every key."""
    wanted = read_input(Guidance, asked.args)
    pages = await access.platform_pages(asked.reader(), wanted.steps())
    return [[page_row(page, wanted.language) for page in pages]] * len(asked.keys)


async def guidance_by_product(asked: Asked) -> list[Json]:
    """Answer ``/load/guidance_by_product``: for each product the platform's pages and its own."""
    wanted = read_input(Guidance, asked.args)
    found = await access.visible_pages(asked.reader(), asked.ids, wanted.steps())
    return [[page_row(page, wanted.language) for page in found[each]] if each in found else None for each in asked.ids]


def routes(edge: Edge) -> list[BaseRoute]:
    """Return the routes of this noun."""
    r = Routes(edge)
    r.do("write_guidance", write_guidance)
    r.do("remove_guidance", remove_guidance)
    r.load("guidance", guidance)
    r.load("guidance_by_product", guidance_by_product)
    return r.collected
