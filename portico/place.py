"""What every part is handed: the database, the bus, the clock, the public keys; and settings, in which the environment wins."""

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol, TypeVar

from pydantic import SecretStr, ValidationError
from starlette.types import ASGIApp

from chassis.bus import Bus
from chassis.clock import Clock, SystemClock
from chassis.mongo import Store
from chassis.principal import KeyRing, PassportVerifier
from chassis.settings import Settings
from portico.settings_table import variables
from portico.trouble import Trouble

S = TypeVar("S", bound=Settings)


class Part(Protocol):
    """One part of the platform, put together: what a starter needs to know of it."""

    @property
    def name(self) -> str:
        """Return its name."""
        ...

    @property
    def app(self) -> ASGIApp:
        """Return its HTTP application."""
        ...

    async def declare(self) -> None:
        """Make what others may depend on before anything runs: indexes, queues."""
        ...

    async def start(self) -> None:
        """Begin to work."""
        ...

    async def close(self) -> None:
        """End, bounded in time."""
        ...


@dataclass(frozen=True)
class Place:
    """What differs between one process and many, and nothing else."""

    client: Any  # the driver's client, as chassis.mongo opens it
    bus: Bus
    keys_dir: Path
    database_prefix: str = "portico_"
    outbox_days: int = 7
    clock: Clock = field(default_factory=SystemClock)

    def store(self, service: str) -> Store:
        """Return a service's own database."""
        return Store(self.client, f"{self.database_prefix}{service}", self.clock, self.outbox_days)

    def verifier(self) -> PassportVerifier:
        """Return what verifies passports against identity's public keys."""
        return PassportVerifier(KeyRing(self.keys_dir / "passport.public.json"))


def settings_of(settings: type[S], **here: Any) -> S:
    """Return settings read from the environment, with this place's values for what it leaves out. Raises ``Trouble``."""
    taken = {
        name: value
        for name, value in here.items()
        if not any(os.environ.get(each) for each in variables(settings, name, settings.model_fields[name]))
    }
    try:
        return settings(**taken)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        field = str(first["loc"][0]) if first["loc"] else ""
        known = settings.model_fields.get(field)
        if known is None:
            # What is wrong concerns several: all of them together would tell secrets, too.
            raise Trouble(f"The settings cannot be used: {first['msg']}; docs/settings.md says more.") from error
        told = "" if known.annotation is SecretStr else f" (it is {first['input']!r})"
        name = variables(settings, field, known)[0]
        raise Trouble(f"The setting {name} cannot be used: {first['msg']}{told}; docs/settings.md says more.") from error
