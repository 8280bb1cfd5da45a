"""What differs per place."""

from pathlib import Path

from pydantic import AliasChoices, AwareDatetime, Field
from pydantic_settings import SettingsConfigDict

from chassis.settings import Settings


class AuditSettings(Settings):
    """The settings of audit."""

    model_config = SettingsConfigDict(env_prefix="PORTICO_AUDIT_", populate_by_name=True)

    keys_dir: Path = Field(
        Path("var/keys"),
        description="The folder of the key that signs checkpoints: `audit.private.json`.",
        validation_alias=AliasChoices("PORTICO_AUDIT_KEYS_DIR", "PORTICO_KEYS_DIR"),
    )
    checkpoint_every_seconds: float = Field(
        300,
        gt=0,
        le=24 * 3600,
        description="How long after the last checkpoint the next is signed, if anything has happened since.",
    )
    checkpoint_at_most_entries: int = Field(
        1000, ge=1, le=100_000, description="After how many entries a checkpoint is signed, however soon that is."
    )
    look_every_seconds: float = Field(5, gt=0, le=3600, description="How often audit looks whether a checkpoint is due.")
    access_known_since: AwareDatetime | None = Field(
        None,
        description="From when on it is known who had access to what; to be set where announcements from before the first start"
        " were replayed, or where what was there before was stated anew only later.",
    )
