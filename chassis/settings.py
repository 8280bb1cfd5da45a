"""What differs per place, read from the environment once and frozen.

Only ``main`` and ``portico`` read settings; every other module is handed the values that it needs.
"""

from pydantic_settings import BaseSettings, SettingsConfigDict


class Settings(BaseSettings):
    """The parent of every settings class: one per program part, each field with a description."""

    model_config = SettingsConfigDict(frozen=True, extra="ignore", env_ignore_empty=True)
