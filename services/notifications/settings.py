"""What differs per place."""

from pydantic_settings import SettingsConfigDict

from chassis.settings import Settings


class NotificationsSettings(Settings):
    """The settings of notifications."""

    model_config = SettingsConfigDict(env_prefix="PORTICO_NOTIFICATIONS_")
