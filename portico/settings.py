"""What differs per place for the platform as a whole and for the command line."""

from pathlib import Path

from pydantic import Field
from pydantic_settings import SettingsConfigDict

from chassis.settings import Settings
from portico.trouble import Trouble


def _names(text: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in text.split(",") if name.strip())


class PorticoSettings(Settings):
    """The whole platform in one process (``portico up``)."""

    model_config = SettingsConfigDict(env_prefix="PORTICO_")

    var: Path = Field(Path("var"), description="The folder that holds all state: database, bus, keys, mail, logs.")
    gateway_host: str = Field("127.0.0.1", description="Where the gateway listens.")
    gateway_port: int = Field(8000, ge=1, le=65535, description="The gateway's port.")
    data_plane_host: str = Field("127.0.0.1", description="Where the data plane takes API calls.")
    data_plane_port: int = Field(8080, ge=1, le=65535, description="The data plane's port.")
    data_plane_tls_port: int = Field(
        8443, ge=0, le=65535, description="The data plane's port for TLS, where client certificates are taken; 0: none."
    )
    mailbox_host: str = Field("127.0.0.1", description="Where the development mailbox's page listens.")
    mailbox_port: int = Field(8025, ge=1, le=65535, description="The port of the development mailbox's page.")
    log_level: str = Field("INFO", pattern="^(DEBUG|INFO|WARNING|ERROR)$", description="How much is logged.")
    outbox_days: int = Field(7, ge=1, le=13, description="For how many days what was announced is kept, to be replayed.")
    catch_up: str = Field(
        "",
        description="New services, separated by commas, into whose queues everything that lives is stated once"
        " (by `portico up` when it starts, by `portico topology` otherwise).",
    )
    demo: bool = Field(default=True, description="Whether `up` loads the demonstration catalogue and accounts.")

    @property
    def services_to_catch_up(self) -> tuple[str, ...]:
        """Return the services that are to learn of everything that lives."""
        return _names(self.catch_up)

    @property
    def authority_dir(self) -> Path:
        """Return the folder of the demonstration's own authority for signatures."""
        return self.var / "authority"

    @property
    def gateway_url(self) -> str:
        """Return the gateway's address as clients write it."""
        return f"http://{self.gateway_host}:{self.gateway_port}"

    @property
    def data_plane_url(self) -> str:
        """Return the data plane's address as clients write it."""
        return f"http://{self.data_plane_host}:{self.data_plane_port}"

    @property
    def data_plane_tls_url(self) -> str:
        """Return the data plane's address over TLS as clients write it, or nothing where there is none."""
        return f"https://{self.data_plane_host}:{self.data_plane_tls_port}" if self.data_plane_tls_port else ""

    @property
    def mailbox_url(self) -> str:
        """Return the address of the development mailbox's page."""
        return f"http://{self.mailbox_host}:{self.mailbox_port}"


class ServeSettings(Settings):
    """One part as a process of its own (``portico serve``)."""

    model_config = SettingsConfigDict(env_prefix="PORTICO_")

    host: str = Field("127.0.0.1", description="Where the part listens.")
    port: int = Field(8000, ge=0, le=65535, description="The part's port; 0 takes a free one and prints it.")
    certified_host: str = Field(
        "127.0.0.1", description="Where the gateway's certified edge listens, for the TLS proxy alone: never a public address."
    )
    certified_port: int = Field(
        0, ge=0, le=65535, description="The port of the gateway's certified edge (see PORTICO_CERTIFIED_SECRET); 0: none."
    )
    trusted_proxies: str = Field(
        "",
        description="Addresses or networks of proxies whose X-Forwarded-For is believed, separated by commas; empty: none.",
    )
    mongo_url: str = Field("", description="The URL of the MongoDB replica set that keeps every service's database.")
    rabbitmq_url: str = Field("", description="The URL of the RabbitMQ broker.")
    database_prefix: str = Field("portico_", description="Begins the name of every service's database.")
    outbox_days: int = Field(7, ge=1, le=13, description="For how many days what was announced is kept, to be replayed.")
    catch_up: str = Field(
        "",
        description="New services, separated by commas, into whose queues everything that lives is stated once"
        " (by `portico up` when it starts, by `portico topology` otherwise).",
    )
    keys_dir: Path = Field(Path("var/keys"), description="The folder of the key files (see `portico keys`).")
    log_level: str = Field("INFO", pattern="^(DEBUG|INFO|WARNING|ERROR)$", description="How much is logged.")
    otlp_endpoint: str = Field("", description="Where spans are sent (OTLP over HTTP); empty records none.")
    identity_url: str = Field("http://127.0.0.1:8101", description="Where the gateway finds the service identity.")
    catalog_url: str = Field("http://127.0.0.1:8102", description="Where the gateway finds the service catalog.")
    subscriptions_url: str = Field("http://127.0.0.1:8103", description="Where the gateway finds the service subscriptions.")
    enforcement_url: str = Field("http://127.0.0.1:8104", description="Where the gateway finds the service enforcement.")
    analytics_url: str = Field("http://127.0.0.1:8105", description="Where the gateway finds the service analytics.")
    notifications_url: str = Field("http://127.0.0.1:8106", description="Where the gateway finds the service notifications.")
    audit_url: str = Field("http://127.0.0.1:8107", description="Where the gateway finds the service audit.")
    recertification_url: str = Field("http://127.0.0.1:8108", description="Where the gateway finds the service recertification.")

    @property
    def services_to_catch_up(self) -> tuple[str, ...]:
        """Return the services that are to learn of everything that lives."""
        return _names(self.catch_up)

    def require_servers(self) -> None:
        """Raise ``Trouble`` unless the addresses of MongoDB and RabbitMQ are set."""
        for name, value in (("PORTICO_MONGO_URL", self.mongo_url), ("PORTICO_RABBITMQ_URL", self.rabbitmq_url)):
            if not value:
                raise Trouble(f"The setting {name} is empty: set it to the URL of the server.")

    def service_urls(self) -> dict[str, str]:
        """Return each service's address by its name."""
        return {
            "identity": self.identity_url,
            "catalog": self.catalog_url,
            "subscriptions": self.subscriptions_url,
            "enforcement": self.enforcement_url,
            "analytics": self.analytics_url,
            "notifications": self.notifications_url,
            "audit": self.audit_url,
            "recertification": self.recertification_url,
        }
