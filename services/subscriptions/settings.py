"""What differs per place."""

from pydantic import Field
from pydantic_settings import SettingsConfigDict

from chassis.settings import Settings


class SubscriptionsSettings(Settings):
    """The settings of subscriptions."""

    model_config = SettingsConfigDict(env_prefix="PORTICO_SUBSCRIPTIONS_")

    patience_seconds: float = Field(
        default=1.0,
        ge=0,
        le=10,
        description="How long subscribing waits for an application, product or plan that it has not heard of yet.",
    )
    due_every_seconds: float = Field(
        default=1.0,
        gt=0,
        le=3600,
        description="How often subscriptions looks what time has made due, such as permissions that lapse.",
    )
