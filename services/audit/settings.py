"""What differs per place."""

from pydantic_settings import SettingsConfigDict

from chassis.settings import Settings


class AuditSettings(Settings):
    """The settings of audit."""

    model_config = SettingsConfigDict(env_prefix="PORTICO_AUDIT_")
