"""What differs per place."""

from pathlib import Path
from typing import Literal

from pydantic import AliasChoices, Field, SecretStr
from pydantic_settings import SettingsConfigDict

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
