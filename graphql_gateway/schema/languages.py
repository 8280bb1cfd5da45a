"""The languages of what people read."""

from enum import Enum

from graphql_gateway.schema.described import enum


@enum
class Language(Enum):
    """A language of letters and texts: Latvian, Russian or English (ISO 639-1)."""

    LV = "LV"
    RU = "RU"
    EN = "EN"
