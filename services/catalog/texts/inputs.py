"""Letters and lines as every noun of the catalogue takes them."""

import re
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints

from services.catalog.texts.domain import Language

_SLUG = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_CONTROL_BUT_LINES = re.compile(r"[\x00-\x09\x0b-\x1f\x7f]")


def one_line(text: str) -> str:
    """Return the text. Raises ``ValueError`` where it is more than a line."""
    if _CONTROL.search(text):
        raise ValueError("write it on one line, without control characters")
    return text


def printable(text: str) -> str:
    """Return the text. Raises ``ValueError`` where it has control characters besides the ends of lines."""
    if _CONTROL_BUT_LINES.search(text):
        raise ValueError("write it without control characters")
    return text


def _slug(text: str) -> str:
    if not _SLUG.fullmatch(text):
        raise ValueError("use a-z, 0-9 and single hyphens, as in 'account-information'")
    return text


Id = Annotated[str, Field(max_length=64)]
Slug = Annotated[str, StringConstraints(max_length=60), AfterValidator(_slug)]
PrintableText = Annotated[str, AfterValidator(printable)]


class Input(BaseModel):
    """The parent of all inputs: what is not known is refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class LanguageArgument(Input):
    """The argument of loads that give each thing's text in one language."""

    language: Language
