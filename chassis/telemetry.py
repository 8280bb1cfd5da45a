"""Logs, metrics and traces: structured JSON on standard error, Prometheus counters, W3C trace context.

A trace id is always there (it is what an error answer quotes); spans are recorded only where an OTLP endpoint is set.
"""

import logging
import os
import re
import sys
from collections.abc import Iterator, MutableMapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import structlog
from opentelemetry import trace
from prometheus_client import Counter, Gauge, Histogram

_TRACEPARENT = re.compile(r"00-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})")
_REQUEST_ID = re.compile(r"[0-9A-Za-z._-]{8,64}")
_current: ContextVar[str] = ContextVar("traceparent", default="")
_request: ContextVar[str] = ContextVar("request_id", default="")
_tracer = trace.get_tracer("portico")
_exporting = {"is_on": False}

REQUESTS = Counter("portico_requests", "Requests answered by a service", ["service", "route", "status"])
REQUEST_SECONDS = Histogram("portico_request_seconds", "Time to answer a request", ["service", "route"])
REACTIONS = Counter("portico_reactions", "Messages a reaction has handled", ["queue", "outcome"])
RELAYED = Counter("portico_events_relayed", "Events published from the outbox", ["service", "outcome"])
QUEUED = Gauge("portico_queued", "Messages that wait in a reaction's queue", ["queue"])
DEAD_LETTERS = Gauge("portico_dead_letters", "Messages that a reaction has given up and that are kept", ["queue"])
EVENT_GAPS = Gauge("portico_event_gaps", "Announcements that a reaction should have heard and has not", ["queue"])
TRANSACTION_RUNS = Counter("portico_transaction_runs", "Runs of a transaction's work", ["database", "outcome"])

# Values under these names never reach a log line, wherever they come from.
_SECRET_NAMES = frozenset(
    {
        "authorization",
        "client_secret",
        "cookie",
        "csrf_token",
        "idempotency_key",
        "passport",
        "password",
        "password_hash",
        "secret",
        "secret_hash",
        "token",
    }
)


def _hide_secrets(_logger: Any, _method: str, entry: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    for name in entry:
        if name in _SECRET_NAMES:
            entry[name] = "[hidden]"
    return entry


def _add_trace(_logger: Any, _method: str, entry: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    traceparent = _current.get()
    if traceparent:
        entry["trace_id"] = traceparent[3:35]
    return entry


def start_logging(level: str = "INFO", *, stream: Any = None) -> None:
    """Set up logging for the whole process: one JSON object a line."""
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            _add_trace,
            _hide_secrets,
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(getattr(logging, level.upper())),
        logger_factory=structlog.PrintLoggerFactory(stream or sys.stderr),
    )


def log(name: str) -> Any:
    """Return the logger of one part of the program."""
    return structlog.get_logger(part=name)


def start_tracing(service: str, endpoint: str) -> None:
    """Send spans to an OTLP/HTTP endpoint; without this call spans cost nothing."""
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    provider = TracerProvider(resource=Resource.create({"service.name": service}))
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(endpoint=endpoint)))
    trace.set_tracer_provider(provider)
    _exporting["is_on"] = True


def new_traceparent() -> str:
    """Return a fresh W3C ``traceparent``."""
    return f"00-{os.urandom(16).hex()}-{os.urandom(8).hex()}-01"


def current_traceparent() -> str:
    """Return the running request's ``traceparent``, beginning a trace where there is none."""
    traceparent = _current.get()
    if not traceparent:
        traceparent = new_traceparent()
        _current.set(traceparent)
    return traceparent


def current_trace() -> str:
    """Return the running request's trace id (32 hexadecimal digits)."""
    return current_traceparent()[3:35]


REQUEST_HEADER = "x-request-id"


def read_request_id(sent: str | None) -> str | None:
    """Return the id that a client gave its request, or None where it gave none that can be used: letters, digits and ``._-``."""
    return sent if sent is not None and _REQUEST_ID.fullmatch(sent) else None


def current_request() -> str:
    """Return the running request's id: the one that its client gave, otherwise the trace id."""
    return _request.get() or current_trace()


@contextmanager
def within_request(request_id: str | None) -> Iterator[None]:
    """Let everything within be part of the request of this id; None for the running trace's."""
    token = _request.set(request_id or "")
    try:
        yield
    finally:
        _request.reset(token)


def _child_of(traceparent: str | None) -> str:
    found = _TRACEPARENT.fullmatch(traceparent or "")
    if found is None:
        return new_traceparent()
    return f"00-{found.group(1)}-{os.urandom(8).hex()}-{found.group(3)}"


@contextmanager
def span(name: str, traceparent: str | None = None, **attributes: str | int) -> Iterator[None]:
    """Run a piece of work as a span: the child of ``traceparent``, or of the running span where that is not given."""
    token = _current.set(_child_of(traceparent or _current.get()))
    try:
        if _exporting["is_on"]:
            with _exported_span(name, traceparent, attributes):
                yield
        else:
            yield
    finally:
        _current.reset(token)


@contextmanager
def _exported_span(name: str, traceparent: str | None, attributes: dict[str, str | int]) -> Iterator[None]:
    from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

    context = TraceContextTextMapPropagator().extract({"traceparent": traceparent}) if traceparent else None
    with _tracer.start_as_current_span(name, context=context, attributes=attributes) as running:
        ids = running.get_span_context()
        _current.set(f"00-{ids.trace_id:032x}-{ids.span_id:016x}-01")
        yield
