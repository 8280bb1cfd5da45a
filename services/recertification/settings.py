"""What differs per place."""

from pydantic_settings import SettingsConfigDict

from chassis.settings import Settings


class RecertificationSettings(Settings):
    """The settings of recertification."""

    model_config = SettingsConfigDict(env_prefix="PORTICO_RECERTIFICATION_")
