"""What differs per place for the catalogue."""

from pydantic import Field
from pydantic_settings import SettingsConfigDict

from chassis.settings import Settings


class CatalogSettings(Settings):
    """The catalogue's settings."""

    model_config = SettingsConfigDict(env_prefix="PORTICO_CATALOG_")

    calls_url: str = Field(
        "http://127.0.0.1:8080",
        description="Address of the data plane, as callers reach it; a version's call URL is this and its base path.",
    )
    document_max_bytes: int = Field(
        10 * 1024 * 1024,
        ge=1024,
        le=12 * 1024 * 1024,
        description="Largest OpenAPI document that can be imported, in bytes of UTF-8.",
    )
    document_seconds: float = Field(
        8.0, gt=0, le=60, description="Longest time that reading one document may take; the program that reads it is ended then."
    )
    document_memory_bytes: int = Field(
        2 * 1024**3, ge=256 * 1024**2, description="Most address space that the program reading a document may take."
    )
    documents_at_once: int = Field(2, ge=1, le=64, description="How many documents are read at the same time; more of them wait.")
    sandbox_cache_operations: int = Field(
        2000, ge=1, description="How many operations' sandbox answers are kept in memory; the least lately used one leaves first."
    )
