"""The languages that people are written to in."""

from enum import Enum

from graphql_gateway.schema.described import enum


@enum
class Language(Enum):
    """A language of the letters: Latvian, Russian or English (ISO 639-1)."""

    LV = "LV"
    RU = "RU"
    EN = "EN"
