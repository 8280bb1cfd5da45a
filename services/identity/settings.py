"""What differs per place for identity."""

from pathlib import Path
from typing import Literal, Self

from pydantic import AliasChoices, Field, SecretStr, model_validator
from pydantic_settings import SettingsConfigDict

from chassis.settings import Settings
from services.identity.inputs import address_key, read_address


class IdentitySettings(Settings):
    """Identity's settings, read from ``PORTICO_IDENTITY_…`` once at start."""

    model_config = SettingsConfigDict(env_prefix="PORTICO_IDENTITY_", populate_by_name=True)

    issuer: str = Field(
        "http://127.0.0.1:8000", description="The authorization server's public base URL: `iss` of access tokens."
    )
    portal_url: str = Field("http://127.0.0.1:8000", description="The portal's public base URL: links in mails begin with it.")
    keys_dir: Path = Field(
        Path("var/keys"),
        description="The key files: `*.private.json`, `*.public.json`, `client-secrets.key`, `factors.key`, `mail.key`.",
        validation_alias=AliasChoices("PORTICO_IDENTITY_KEYS_DIR", "PORTICO_KEYS_DIR"),
    )
    mtls_url: str = Field(
        "",
        description="The public base URL at which token requests may show a client certificate (RFC 8705); empty: there is none.",
    )
    token_audience: str = Field("portico:calls", description="`aud` of access tokens: what the data plane asks for.")
    token_ttl_seconds: int = Field(600, ge=30, le=600, description="How long an access token is valid.")
    passport_ttl_seconds: int = Field(60, ge=5, le=60, description="How long a passport between services is valid.")
    session_idle_seconds: int = Field(14 * 24 * 3600, ge=60, description="A session unused for this long ends.")
    session_absolute_seconds: int = Field(90 * 24 * 3600, ge=60, description="A session ends after this long, used or not.")
    verification_ttl_seconds: int = Field(24 * 3600, ge=60, description="How long the link that confirms an address is valid.")
    invitation_ttl_seconds: int = Field(7 * 24 * 3600, ge=60, description="How long an invitation is valid.")
    reset_ttl_seconds: int = Field(30 * 60, ge=60, le=3600, description="How long the link that resets a password is valid.")
    openid_providers_file: Path | None = Field(
        None, description="A JSON file that lists the outside OpenID providers people may sign in with; none without it."
    )
    passkey_relying_party: str = Field(
        "", description="The domain that passkeys are bound to; empty takes the host of the portal's URL."
    )
    secret_silence_seconds: int = Field(
        24 * 3600, ge=60, description="A replaced client secret that nobody used for this long counts as silent."
    )
    certificate_anchors_dir: Path | None = Field(
        None,
        description="A folder of CA certificates (PEM) that client certificates must chain to; without it any issuer is taken.",
    )
    signature_anchors_dir: Path | None = Field(
        None, description="A folder of CA certificates (PEM) that signatures and time stamps on documents are traced to."
    )
    data_exchange_pattern: str = Field(
        "DX-{year}-{counter:06d}",
        description="How a data-exchange number is written: `{year}` and `{counter}`, which only grows.",
    )
    operator_emails: str = Field(
        "", description="Addresses, separated by commas, whose users administer the platform (OPERATOR_ADMINISTRATOR)."
    )
    smtp_host: str = Field("127.0.0.1", description="The mail server's host.")
    smtp_port: int = Field(1025, ge=1, le=65535, description="The mail server's port.")
    smtp_security: Literal["NONE", "STARTTLS", "TLS"] = Field(
        "NONE", description="How the connection to the mail server is protected."
    )
    smtp_username: str = Field("", description="The name to sign in to the mail server with; empty for none.")
    smtp_password: SecretStr = Field(SecretStr(""), description="The password to sign in to the mail server with.")
    mail_from: str = Field("Portico <no-reply@portico.localhost>", description="The sender of mails.")
    hashing_threads: int = Field(2, ge=1, le=64, description="How many passwords are hashed at a time (46 MiB each).")

    @model_validator(mode="after")
    def _check_operator_emails(self) -> Self:
        for address in self._operator_addresses():
            read_address(address)
        return self

    def _operator_addresses(self) -> list[str]:
        return [address for address in self.operator_emails.split(",") if address.strip()]

    @property
    def operator_keys(self) -> frozenset[str]:
        """Return the operators' addresses in the form in which addresses are compared."""
        return frozenset(address_key(address) for address in self._operator_addresses())
