"""What differs per place."""

from pathlib import Path
from typing import Literal, Self

from pydantic import AliasChoices, Field, SecretStr, model_validator
from pydantic_settings import SettingsConfigDict

from chassis.outward import Allowed, read_ports
from chassis.settings import Settings


class NotificationsSettings(Settings):
    """The settings of notifications."""

    model_config = SettingsConfigDict(env_prefix="PORTICO_NOTIFICATIONS_", populate_by_name=True)

    portal_url: str = Field(
        "http://127.0.0.1:8000", description="The portal's public base URL: links in notices and mails begin with it."
    )
    shared_key_file: Path = Field(
        Path("var/keys/notices.key"),
        description="The key that identity and notifications share: it opens the addresses in identity's announcements.",
    )
    notice_days: int = Field(365, ge=1, le=3650, description="How many days a notice stays in the inbox.")
    smtp_host: str = Field(
        "127.0.0.1",
        description="The mail server's host.",
        validation_alias=AliasChoices("PORTICO_NOTIFICATIONS_SMTP_HOST", "PORTICO_IDENTITY_SMTP_HOST"),
    )
    smtp_port: int = Field(
        1025,
        ge=1,
        le=65535,
        description="The mail server's port.",
        validation_alias=AliasChoices("PORTICO_NOTIFICATIONS_SMTP_PORT", "PORTICO_IDENTITY_SMTP_PORT"),
    )
    smtp_security: Literal["NONE", "STARTTLS", "TLS"] = Field(
        "NONE",
        description="How the connection to the mail server is protected.",
        validation_alias=AliasChoices("PORTICO_NOTIFICATIONS_SMTP_SECURITY", "PORTICO_IDENTITY_SMTP_SECURITY"),
    )
    smtp_username: str = Field(
        "",
        description="The name to sign in to the mail server with; empty for none.",
        validation_alias=AliasChoices("PORTICO_NOTIFICATIONS_SMTP_USERNAME", "PORTICO_IDENTITY_SMTP_USERNAME"),
    )
    smtp_password: SecretStr = Field(
        SecretStr(""),
        description="The password to sign in to the mail server with.",
        validation_alias=AliasChoices("PORTICO_NOTIFICATIONS_SMTP_PASSWORD", "PORTICO_IDENTITY_SMTP_PASSWORD"),
    )
    mail_from: str = Field(
        "Portico <no-reply@portico.localhost>",
        description="The sender of mails.",
        validation_alias=AliasChoices("PORTICO_NOTIFICATIONS_MAIL_FROM", "PORTICO_IDENTITY_MAIL_FROM"),
    )
    support_address: str = Field(
        "",
        pattern=r"^$|^[^@+\s]+@[^@\s]+$",
        description="Where people write to for support, such as support@portal.example; empty: answers are not taken by mail.",
    )
    support_smtp_host: str = Field(
        "127.0.0.1",
        description="Where mail for support is taken by SMTP, from the mail server that forwards it: never a public address.",
    )
    support_smtp_port: int | None = Field(
        None, ge=0, le=65535, description="The port where mail for support is taken; empty: none; 0: a free one."
    )
    support_mail_authority: str = Field(
        "",
        description="The mail server (authserv-id) whose Authentication-Results say whether a mail is its sender's (DMARC); "
        "then only such mail is taken for what it says it is. Empty: nobody's are believed.",
    )
    patience_seconds: float = Field(
        1.0,
        ge=0,
        le=10,
        description="How long asking for help waits for what it is about, where that has not been heard of yet.",
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
