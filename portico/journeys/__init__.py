"""Journeys: both procedures, walked by foreign clients against the running platform and checked at every step."""

from collections.abc import Awaitable, Callable
from typing import Any

from portico.journeys.confidential import walk_confidential
from portico.journeys.procedure_a import walk_procedure_a
from portico.journeys.standard import walk

JOURNEYS: dict[str, Callable[..., Awaitable[Any]]] = {
    "standard": walk,
    "procedure-a": walk_procedure_a,
    "confidential": walk_confidential,
}
