"""What analytics hears in these tests: batches of calls, and the names of things."""

import itertools
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from chassis.bus import Message
from tests.services.stage import envelope

Record = dict[str, Any]
_numbers = itertools.count(1)


def milliseconds(moment: datetime) -> int:
    return int(moment.timestamp() * 1000)


def moment_of(record: Record) -> datetime:
    return datetime.fromtimestamp(record["at"] / 1000, UTC)


def call(at: datetime, status: int = 200, **fields: Any) -> Record:
    """One call's record; every field can be chosen."""
    record = {
        "id": f"call-{next(_numbers)}",
        "at": milliseconds(at),
        "status": status,
        "rejection": None,
        "application_id": "app_1",
        "organization_id": "org_consumer",
        "secret_id": "sec_1",
        "product_id": "prd_1",
        "version_id": "ver_1",
        "operation_id": "listThings",
        "plan_id": "pln_1",
        "subscription_id": "sub_1",
        "bytes_in": 10,
        "bytes_out": 200,
        "duration_ms": 5.0,
    }
    return record | fields


def batch(
    number: int,
    records: Sequence[Record] = (),
    *,
    counted: int = 0,
    read_through: datetime | None = None,
    source: str = "dataplane-1",
) -> Message:
    """One batch of a source; ``counted`` is the data plane's own count of ended calls."""
    data = {
        "source": source,
        "batch": number,
        "records": list(records),
        "records_total": 0,
        "calls_total": counted,
        "read_through": None if read_through is None else milliseconds(read_through),
    }
    return envelope("enforcement.calls_recorded.v1", source, number, data)


def organization(organization_id: str = "org_consumer", name: str = "Consumer", sequence: int = 1) -> Message:
    fact = "created" if sequence == 1 else "renamed"
    data = {"organization_id": organization_id, "name": name}
    return envelope(f"identity.organization_{fact}.v1", organization_id, sequence, data)


def application(application_id: str = "app_1", *, of: str = "org_consumer", name: str = "App", sequence: int = 1) -> Message:
    fact = "created" if sequence == 1 else "changed"
    data = {"application_id": application_id, "organization_id": of, "name": name, "client_id": "cli"}
    return envelope(f"identity.application_{fact}.v1", application_id, sequence, data)


def product(product_id: str = "prd_1", *, of: str = "org_provider", title: str = "Product", sequence: int = 1) -> Message:
    fact = "created" if sequence == 1 else "changed"
    data = {"product_id": product_id, "organization_id": of, "slug": "p", "title": title, "sensitivity": "STANDARD"}
    return envelope(f"catalog.product_{fact}.v1", product_id, sequence, data)


def version(version_id: str = "ver_1", *, of: str = "prd_1") -> Message:
    data = {
        "version_id": version_id,
        "api_id": "api_1",
        "product_id": of,
        "organization_id": "org_provider",
        "title": "Things API",
        "label": "v1",
        "operations": [
            {"operation_id": "listThings", "method": "get", "path": "/things"},
            {"operation_id": "addThing", "method": "POST", "path": "/things"},
        ],
    }
    return envelope("catalog.api_version_published.v1", version_id, 1, data)


def plan(plan_id: str = "pln_1", *, name: str = "Basic", fact: str = "created", sequence: int = 1) -> Message:
    data = {"plan_id": plan_id, "product_id": "prd_1", "organization_id": "org_provider", "name": name}
    return envelope(f"catalog.plan_{fact}.v1", plan_id, sequence, data)


def names() -> list[Message]:
    """The names of everything that the records of ``call`` are about."""
    return [organization(), organization("org_provider", "Provider"), application(), product(), version(), plan()]
