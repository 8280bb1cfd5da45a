"""What differs per place."""

from pathlib import Path

from pydantic import Field
from pydantic_settings import SettingsConfigDict

from chassis.settings import Settings


class RecertificationSettings(Settings):
    """The settings of recertification."""

    model_config = SettingsConfigDict(env_prefix="PORTICO_RECERTIFICATION_")

    due_every_seconds: float = Field(
        default=1.0,
        gt=0,
        le=3600,
        description="How often recertification looks what time has made due: reminders, ends of campaigns, reports.",
    )
    report_certificate_file: Path | None = Field(
        default=None,
        description="The certificate (PEM) with which the reports of campaigns are signed; without it none is made.",
    )
    report_key_file: Path | None = Field(
        default=None, description="The certificate's private key (PEM, without a password); without it no report is made."
    )
    report_chain_file: Path | None = Field(
        default=None,
        description="What the certificate rests on (PEM, one or more), put into the signature for whoever verifies it.",
    )
    report_seconds: float = Field(default=120.0, gt=0, le=3600, description="How long making one report may take.")
