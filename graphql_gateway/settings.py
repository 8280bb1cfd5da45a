"""What of the gateway differs per place."""

from pathlib import Path

from pydantic import AliasChoices, Field, SecretStr
from pydantic_settings import SettingsConfigDict

from chassis.settings import Settings


class GatewaySettings(Settings):
    """The gateway's settings."""

    model_config = SettingsConfigDict(env_prefix="PORTICO_GATEWAY_", populate_by_name=True)

    development: bool = Field(
        default=False,
        description="Shows GraphiQL at /graphql, pages behind the links in mails, the schema to all, and suggestions in errors.",
    )
    graphiql_dir: Path = Field(
        default=Path(".tools/graphiql"), description="The folder of GraphiQL's files, as `make graphiql` fetches them."
    )
    introspection: bool = Field(default=False, description="Shows the schema to everybody, also outside development.")
    cookie_secure: bool = Field(
        default=True, description="Sends the session cookie over HTTPS only; off only where pages are served over plain HTTP."
    )
    allowed_origins: tuple[str, ...] = Field(
        default=(), description="Origins of pages elsewhere that may use the graph with a visitor's cookies (JSON list)."
    )
    certified_secret: SecretStr = Field(
        default=SecretStr(""),
        description="What the TLS proxy shows to the certified edge (PORTICO_CERTIFIED_PORT), which has the same setting.",
        validation_alias=AliasChoices("PORTICO_GATEWAY_CERTIFIED_SECRET", "PORTICO_CERTIFIED_SECRET"),
    )
    body_bytes: int = Field(default=1024 * 1024, ge=1024, description="The largest request body.")
    signed_in_body_bytes: int = Field(
        default=12 * 1024 * 1024, ge=1024, description="The largest request body of a signed-in user (API documents)."
    )
    document_price: int = Field(default=10_000, ge=1, description="How many objects one document may ask for.")
    document_depth: int = Field(default=16, ge=1, description="How many fields deep a document may be.")
    document_aliases: int = Field(default=30, ge=0, description="How many aliases a document may have.")
    load_seconds: float = Field(default=5.0, gt=0, description="How long a service may take to answer a load.")
    do_seconds: float = Field(default=30.0, gt=0, description="How long a service may take to do what a mutation asks.")
    passport_seconds: float = Field(
        default=10.0, ge=0, le=10, description="How long a user's rights are remembered between requests."
    )
    updates_per_connection: int = Field(default=50, ge=1, description="How many updates one connection may watch.")
    updates_at_once: int = Field(default=5_000, ge=1, description="How many updates this gateway serves at once.")
