"""What differs per place."""

from pathlib import Path
from typing import Self

from pydantic import Field, model_validator
from pydantic_settings import SettingsConfigDict

from chassis.outward import Allowed, read_ports
from chassis.settings import Settings


class NotificationsSettings(Settings):
    """The settings of notifications."""

    model_config = SettingsConfigDict(env_prefix="PORTICO_NOTIFICATIONS_", populate_by_name=True)

    shared_key_file: Path = Field(
        Path("var/keys/notices.key"),
        description="The key that identity and notifications share: it opens the addresses in identity's announcements.",
    )
    webhook_ports: str = Field("443,8443", description="Ports, separated by commas, to which events are sent.")
    webhook_loopback: bool = Field(
        False,
        description="Whether events are sent to this machine itself, at any port and by plain http: for development alone.",
    )
    webhook_seconds: float = Field(15.0, gt=0, le=60, description="How long an endpoint may take to take one event.")
    webhook_at_once: int = Field(5, ge=1, le=100, description="How many events are sent to one endpoint at a time.")
    webhooks_at_once: int = Field(200, ge=1, le=10_000, description="How many events are sent at a time in all.")
    webhook_disable_days: int = Field(
        3, ge=1, le=90, description="A webhook that does nothing but fail for so many days is disabled."
    )
    webhook_log_days: int = Field(14, ge=1, le=365, description="For how many days it is kept what was sent to webhooks.")

    @model_validator(mode="after")
    def _check_lists(self) -> Self:
        _ = self.webhooks_allowed
        return self

    @property
    def webhooks_allowed(self) -> Allowed:
        """Return to which addresses events may be sent."""
        return Allowed(read_ports(self.webhook_ports), loopback=self.webhook_loopback)
