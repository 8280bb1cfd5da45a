"""What differs per place."""

from pydantic import Field
from pydantic_settings import SettingsConfigDict

from chassis.settings import Settings


class AnalyticsSettings(Settings):
    """The settings of analytics."""

    model_config = SettingsConfigDict(env_prefix="PORTICO_ANALYTICS_")

    most_rollups: int = Field(
        default=200_000,
        ge=1_000,
        description="How many roll-ups one question about usage may read before it is refused as too wide.",
    )
