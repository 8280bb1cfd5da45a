"""What is known here of the people and things of others."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from chassis.errors import NotHeardOf

DEFAULT_LANGUAGE = "en"
LANGUAGES = ("lv", "ru", "en")


class NotAnnouncedYet(NotHeardOf):
    """It was not announced here yet."""


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody with an account. ``sealed_address`` is where they are written to, for the postman alone to open."""

    id: str
    name: str
    language: str
    sealed_address: str
    platform_roles: frozenset[str] = frozenset()

    @property
    def is_staff(self) -> bool:
        """Say whether the person is of the operator's staff."""
        return bool(self.platform_roles)


@dataclass(frozen=True, slots=True)
class Title:
    """What a product is called: by default, and in the languages that it has."""

    text: str | None = None
    by_language: Mapping[str, str] = field(default_factory=dict)
