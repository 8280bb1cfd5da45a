"""Which facts a service can announce, and what a person may call them."""

import importlib
import importlib.util
from collections.abc import Iterator, Sequence

from chassis.messages import Event
from portico.trouble import Trouble


def keys_of(service: str) -> list[str]:
    """Return the keys of everything that a service can announce."""
    importlib.import_module(f"services.{service}.events" if _has_events(service) else f"services.{service}")
    return sorted({event.key for event in _all(Event) if event.service == service})


def _has_events(service: str) -> bool:
    return importlib.util.find_spec(f"services.{service}.events") is not None


def _all(parent: type[Event]) -> Iterator[type[Event]]:
    for child in parent.__subclasses__():
        yield child
        yield from _all(child)


def read_types(service: str, types: Sequence[str]) -> list[str]:
    """Return the keys that are meant by ``application_created``, ``application_created.v1`` or the whole key.

    Raises ``Trouble`` naming what there is.
    """
    known = keys_of(service)
    found = []
    for name in (part.strip() for text in types for part in text.split(",") if part.strip()):
        bare = name.removeprefix("portico.").removeprefix(f"{service}.")
        meant = [key for key in known if key.partition(".")[2] in (bare, *(f"{bare}.v{number}" for number in range(1, 10)))]
        if not meant:
            facts = ", ".join(key.split(".")[1] for key in known)
            raise Trouble(f"The service {service} announces no {name}: choose among {facts}.")
        found += meant
    return found
