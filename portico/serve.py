"""``portico serve``: one part as a process of its own, over MongoDB and RabbitMQ; and ``portico topology``."""

import gc
from contextlib import AsyncExitStack

from chassis.bus import Bus, BusUnavailable
from chassis.calls import HttpCaller
from chassis.mongo import connect
from chassis.rabbit import RabbitBus
from chassis.telemetry import start_tracing
from portico.catching_up import let_catch_up, services_among
from portico.composition import BUILDERS, SERVICES, certified_edge_of, one_service
from portico.logs import log_stray_failures, start_logs
from portico.place import Part, Place
from portico.servers import HttpServer
from portico.settings import ServeSettings
from portico.signals import StopRequested, stop_event, unless_stopped
from portico.trouble import Trouble, bind

PARTS = (*BUILDERS, "gateway")


def command(part: str) -> tuple[str, ...]:
    """Return the arguments, after the interpreter, that run one part: the same in containers and in tests."""
    return ("-m", "portico", "serve", part)


async def serve(part: str, settings: ServeSettings) -> int:
    """Run one part until asked to stop; return the exit code."""
    if part not in PARTS:
        raise Trouble(f"There is no part {part}: choose one of {', '.join(PARTS)}.")
    start_logs(settings.log_level)
    log_stray_failures()
    if settings.otlp_endpoint:
        start_tracing(part, settings.otlp_endpoint)
    asked = stop_event()
    async with AsyncExitStack() as stack:
        try:
            await unless_stopped(_start(part, settings, stack), asked)
        except StopRequested:
            return 0
        # What stands now is looked through no more: a look through all that enforcement holds would let calls wait.
        gc.freeze()
        gc.enable()
        await asked.wait()
    return 0


async def _start(part: str, settings: ServeSettings, stack: AsyncExitStack) -> None:
    listening = bind(settings.host, settings.port, "PORTICO_PORT")
    stack.callback(listening.close)
    place = await reach_servers(settings, stack)
    caller = HttpCaller(settings.service_urls())
    stack.push_async_callback(caller.close)
    runnable = one_service(part, place, caller)
    await runnable.declare()
    await runnable.start()
    stack.push_async_callback(runnable.close)
    server = HttpServer(part, runnable.app, listening, trusted_proxies=settings.trusted_proxies)
    await server.start()
    stack.push_async_callback(server.close)
    if part == "gateway" and settings.certified_port:
        await _serve_certified(runnable, settings, stack)
    print(f"{part} listens at http://{settings.host}:{server.port}", flush=True)


async def _serve_certified(gateway: Part, settings: ServeSettings, stack: AsyncExitStack) -> None:
    """Serve the gateway's certified edge on the listener that only the TLS proxy reaches."""
    app = certified_edge_of(gateway)
    if app is None:
        raise Trouble("The setting PORTICO_CERTIFIED_SECRET is empty: set it, the same for the gateway and for the TLS proxy.")
    listening = bind(settings.certified_host, settings.certified_port, "PORTICO_CERTIFIED_PORT")
    stack.callback(listening.close)
    server = HttpServer("certified edge", app, listening)
    await server.start()
    stack.push_async_callback(server.close)


async def declare_everything(settings: ServeSettings) -> int:
    """Declare every service's queues and indexes."""
    start_logs(settings.log_level)
    async with AsyncExitStack() as stack:
        place = await reach_servers(settings, stack)
        parts = {name: one_service(name, place, HttpCaller({})) for name in SERVICES}
        for part in parts.values():
            await part.declare()
        print("All queues and indexes are declared.")
        if settings.services_to_catch_up:
            things = await let_catch_up(services_among(parts), settings.services_to_catch_up, place.bus)
            print(f"{things} things are stated for {', '.join(settings.services_to_catch_up)}.")
    return 0


async def reach_servers(settings: ServeSettings, stack: AsyncExitStack) -> Place:
    """Return the place that the servers make up; they are left when the stack closes. Raises ``Trouble``."""
    client = connect(settings.mongo_url)
    stack.callback(client.close)
    bus: Bus = RabbitBus(settings.rabbitmq_url)
    try:
        await bus.start()
    except BusUnavailable as refusal:
        raise Trouble("RabbitMQ does not answer: check PORTICO_RABBITMQ_URL and that the broker runs.") from refusal
    stack.push_async_callback(bus.close)
    return Place(client, bus, settings.keys_dir, settings.database_prefix, outbox_days=settings.outbox_days)
