"""The event contract: what a fact looks like when it is announced, and when it is heard.

The envelope is CloudEvents 1.0 in structured JSON with the extensions ``sequence``, ``actor``, ``organization``, ``audience``,
``traceparent`` and ``republished``. A hearer is a tolerant reader: it takes the fields it needs from ``data`` and ignores the
rest.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, ClassVar

import orjson
from pydantic import BaseModel, ConfigDict

from chassis.errors import code_of

CONTENT_TYPE = "application/cloudevents+json"
SCHEMA_BASE = "https://portico.dev/contracts/events/"


class Event(BaseModel):
    """A fact that a service announces. Subclasses name their service and version and list the fact's data.

    ``class ApplicationCreated(Event, service="identity", version=1)`` has the key ``identity.application_created.v1``.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    service: ClassVar[str] = ""
    version: ClassVar[int] = 0
    key: ClassVar[str] = ""

    @classmethod
    def __pydantic_init_subclass__(cls, *, service: str = "", version: int = 1, **kwargs: Any) -> None:
        super().__pydantic_init_subclass__(**kwargs)
        cls.service = service
        cls.version = version
        fact = code_of(cls.__name__).lower()
        cls.key = f"{service}.{fact}.v{version}"

    def __init_subclass__(cls, *, service: str = "", version: int = 1, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)


@dataclass(frozen=True, slots=True)
class Heard:
    """An event as a reaction hears it. ``data`` is plain JSON; ``sequence`` counts from 1 per subject without gaps."""

    id: str
    key: str
    subject: str
    sequence: int
    time: datetime
    actor: str | None
    organization: str | None
    audience: tuple[str, ...]
    traceparent: str | None
    data: Mapping[str, Any]
    is_republished: bool = False
    """Said again for those who have missed it or are new: nothing has happened now."""


def to_timestamp(moment: datetime) -> str:
    """Return an RFC 3339 UTC timestamp with milliseconds."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


@dataclass(frozen=True, slots=True)
class Circumstances:
    """What surrounds a fact: about which thing, the how manieth, when, by whom, within which organization, for whom."""

    subject: str
    sequence: int
    time: datetime
    actor: str | None = None
    organization: str | None = None
    audience: Sequence[str] = ()
    traceparent: str | None = None
    is_republished: bool = False


def envelope(event: Event, event_id: str, around: Circumstances) -> dict[str, Any]:
    """Return the CloudEvents envelope of a fact, ready to be written as JSON."""
    return _wrapped(event.key, event_id, event.model_dump(mode="json"), around)


def envelope_of(kind: type[Event], event_id: str, data: Mapping[str, Any], around: Circumstances) -> dict[str, Any]:
    """Return the envelope of a fact whose data are plain JSON already: whoever hands them over answers for their form."""
    return _wrapped(kind.key, event_id, data, around)


def envelope_again(heard: Heard, data: Mapping[str, Any], audience: Sequence[str]) -> dict[str, Any]:
    """Return the envelope of an event that was heard, for those who may hear this much of it."""
    around = Circumstances(
        heard.subject, heard.sequence, heard.time, heard.actor, heard.organization, audience, traceparent=heard.traceparent
    )
    return _wrapped(heard.key, heard.id, data, around)


def _wrapped(key: str, event_id: str, data: Mapping[str, Any], around: Circumstances) -> dict[str, Any]:
    wrapped: dict[str, Any] = {
        "specversion": "1.0",
        "id": event_id,
        "source": f"/services/{key.partition('.')[0]}",
        "type": f"portico.{key}",
        "subject": around.subject,
        "time": to_timestamp(around.time),
        "datacontenttype": "application/json",
        "dataschema": f"{SCHEMA_BASE}{key}.json",
        "sequence": around.sequence,
        "data": dict(data),
    }
    if around.actor:
        wrapped["actor"] = around.actor
    if around.organization:
        wrapped["organization"] = around.organization
    if around.audience:
        # CloudEvents attributes are scalars: a list travels as comma-separated ids.
        wrapped["audience"] = ",".join(around.audience)
    if around.traceparent:
        wrapped["traceparent"] = around.traceparent
    if around.is_republished:
        wrapped["republished"] = True
    return wrapped


def to_bytes(wrapped: Mapping[str, Any]) -> bytes:
    """Return the envelope as JSON bytes."""
    return orjson.dumps(wrapped)


def read(body: bytes) -> Heard:
    """Return the event that an envelope's bytes carry. Raises ``ValueError`` where they carry none."""
    wrapped = orjson.loads(body)
    if not isinstance(wrapped, dict):
        raise ValueError("an event envelope is a JSON object")  # noqa: TRY004 - what cannot be read is one kind of error here
    try:
        audience = wrapped.get("audience") or ""
        time = datetime.fromisoformat(wrapped["time"])
        data = wrapped.get("data") or {}
        if time.tzinfo is None or not isinstance(data, dict):
            raise ValueError("an event has a time with its offset from UTC, and an object as its data")
        return Heard(
            id=str(wrapped["id"]),
            key=str(wrapped["type"]).removeprefix("portico."),
            subject=str(wrapped.get("subject", "")),
            sequence=int(wrapped.get("sequence", 0)),
            time=time,
            actor=wrapped.get("actor"),
            organization=wrapped.get("organization"),
            audience=tuple(part for part in str(audience).split(",") if part),
            traceparent=wrapped.get("traceparent"),
            data=data,
            is_republished=wrapped.get("republished") is True,
        )
    except KeyError as missing:
        raise ValueError(f"an event envelope needs the attribute {missing}") from missing
    except TypeError as wrong:
        raise ValueError(f"an attribute of the event envelope is not what it is to be: {wrong}") from wrong
