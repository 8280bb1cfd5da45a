"""``portico ship``: what announces the calls in a proxy's log, as a process of its own beside the proxy.

It reaches RabbitMQ where that is named, and otherwise the bus of the one process that runs on PORTICO_VAR, through its door.
"""

import os
import sys
from collections.abc import Mapping
from contextlib import AsyncExitStack
from pathlib import Path

from chassis.bus import Bus, BusUnavailable
from portico.children import Program
from portico.composition import build_shipping
from portico.door import DoorBus, find_door
from portico.logs import log_stray_failures, start_logs
from portico.servers import HttpServer
from portico.settings import PorticoSettings, ServeSettings
from portico.signals import StopRequested, stop_event, unless_stopped
from portico.trouble import Trouble, bind

COMMAND = ("-m", "portico", "ship")
"""The arguments, after the interpreter: the same in containers and everywhere else."""
_ROOT = Path(__file__).resolve().parents[1]


def program(log: Path, environment: Mapping[str, str]) -> Program:
    """Return the shipper as a child of the process that runs the platform; where it listens, it says in its log."""
    paths = os.pathsep.join(filter(None, (str(_ROOT), os.environ.get("PYTHONPATH"))))
    return Program("shipper", (sys.executable, *COMMAND), log, environment={"PYTHONPATH": paths, **environment})


def beside(var: Path, data_plane: Path) -> Mapping[str, str]:
    """Return the environment of the shipper beside the one process."""
    return {
        "PORTICO_VAR": str(var),
        "PORTICO_ENFORCEMENT_DATA_PLANE": str(data_plane),
        "PORTICO_RABBITMQ_URL": "",
        "PORTICO_HOST": "127.0.0.1",
        "PORTICO_PORT": "0",
    }


async def ship(settings: ServeSettings, here: PorticoSettings) -> int:
    """Announce calls until asked to stop; return the exit code."""
    start_logs(settings.log_level)
    log_stray_failures()
    asked = stop_event()
    async with AsyncExitStack() as stack:
        try:
            await unless_stopped(_start(settings, here, stack), asked)
        except StopRequested:
            return 0
        await asked.wait()
    return 0


async def _start(settings: ServeSettings, here: PorticoSettings, stack: AsyncExitStack) -> None:
    listening = bind(settings.host, settings.port, "PORTICO_PORT")
    stack.callback(listening.close)
    shipping = build_shipping(await _reach_bus(settings, here, stack))
    await shipping.start()
    stack.push_async_callback(shipping.close)
    server = HttpServer(shipping.name, shipping.app, listening)
    await server.start()
    stack.push_async_callback(server.close)
    print(f"shipper listens at http://{settings.host}:{server.port}", flush=True)


async def _reach_bus(settings: ServeSettings, here: PorticoSettings, stack: AsyncExitStack) -> Bus:
    if settings.rabbitmq_url:
        from chassis.rabbit import RabbitBus

        bus: Bus = RabbitBus(settings.rabbitmq_url)
        try:
            await bus.start()
        except BusUnavailable as refusal:
            raise Trouble("RabbitMQ does not answer: check PORTICO_RABBITMQ_URL and that the broker runs.") from refusal
    else:
        door = find_door(here.var)
        if door is None:
            raise Trouble(f"No platform runs on {here.var}: start it first, or set PORTICO_RABBITMQ_URL to a broker.")
        bus = DoorBus(door)
    stack.push_async_callback(bus.close)
    return bus
