"""What subscriptions hears in these tests."""

from collections.abc import Sequence
from typing import Any

from chassis.bus import Message
from tests.services.stage import envelope

CONSUMER, PROVIDER = "org_consumer", "org_provider"
APPLICATION, PRODUCT = "app_1", "prd_1"
AUTOMATIC, BY_PROVIDER = "pln_automatic", "pln_by_provider"


def application(sequence: int = 1, *, of: str = CONSUMER, application_id: str = APPLICATION, client_id: str = "cli") -> Message:
    fact = "created" if sequence == 1 else "changed"
    data = {"application_id": application_id, "organization_id": of, "name": f"Name {sequence}", "client_id": client_id}
    return envelope(f"identity.application_{fact}.v1", application_id, sequence, data)


def application_deleted(sequence: int = 2, *, of: str = CONSUMER, application_id: str = APPLICATION) -> Message:
    data = {"application_id": application_id, "organization_id": of, "client_id": "cli"}
    return envelope("identity.application_deleted.v1", application_id, sequence, data, actor="usr_deleter")


def organization(
    sequence: int = 1, *, name: str = "Consumers", organization_id: str = CONSUMER, is_test: bool = False
) -> Message:
    fact = "created" if sequence == 1 else "renamed"
    data: dict[str, Any] = {"organization_id": organization_id, "name": name, **({"is_test": is_test} if sequence == 1 else {})}
    return envelope(f"identity.organization_{fact}.v1", organization_id, sequence, data)


def data_exchange(sequence: int = 3, *, organization_id: str = CONSUMER) -> Message:
    data = {"organization_id": organization_id, "number": "DX-2030-000001"}
    return envelope("identity.data_exchange_assigned.v1", organization_id, sequence, data)


def onboarding(fact: str = "submitted", sequence: int = 1, *, request_id: str = "onb_1", of: str = CONSUMER) -> Message:
    data = {"request_id": request_id, "organization_id": of}
    return envelope(f"identity.onboarding_{fact}.v1", request_id, sequence, data)


def organization_deleted(sequence: int = 5, *, organization_id: str = CONSUMER) -> Message:
    return envelope("identity.organization_deleted.v1", organization_id, sequence, {"organization_id": organization_id})


def product(
    sequence: int = 1, *, product_id: str = PRODUCT, sensitivity: str = "STANDARD", asks_for: Sequence[str] | None = None
) -> Message:
    fact = "created" if sequence == 1 else "changed"
    data: dict[str, Any] = {
        "product_id": product_id,
        "organization_id": PROVIDER,
        "slug": "s",
        "title": "T",
        "sensitivity": sensitivity,
    }
    data |= {} if asks_for is None else {"prerequisites": list(asks_for)}
    return envelope(f"catalog.product_{fact}.v1", product_id, sequence, data)


def version(*, product_id: str = PRODUCT, operations: Sequence[str] = ("read", "write")) -> Message:
    data: dict[str, Any] = {
        "version_id": f"ver_{product_id}",
        "api_id": "api_1",
        "product_id": product_id,
        "organization_id": PROVIDER,
    }
    data |= {"operations": [{"operation_id": each, "method": "GET", "path": f"/{each}"} for each in operations]}
    return envelope("catalog.api_version_published.v1", f"ver_{product_id}", 1, data)


def version_retired(sequence: int = 3, *, product_id: str = PRODUCT) -> Message:
    data = {"version_id": f"ver_{product_id}", "api_id": "api_1", "product_id": product_id, "organization_id": PROVIDER}
    return envelope("catalog.api_version_retired.v1", f"ver_{product_id}", sequence, data)


def plan(
    fact: str = "created",
    sequence: int = 1,
    *,
    plan_id: str = AUTOMATIC,
    approval: str = "AUTOMATIC",
    product_id: str = PRODUCT,
    **terms: Any,
) -> Message:
    owned = {"plan_id": plan_id, "product_id": product_id, "organization_id": PROVIDER, "name": "Basic", "approval": approval}
    data = owned | {"rate_requests": 10, "rate_seconds": 1, "burst": 20, "quota_calls": None, "quota_period": None, **terms}
    return envelope(f"catalog.plan_{fact}.v1", plan_id, sequence, data)


def whole_offer() -> list[Message]:
    """An application of the consumer, and a published product of the provider with a plan of either approval."""
    return [application(), product(), version(), plan(), plan(plan_id=BY_PROVIDER, approval="BY_PROVIDER")]


def permission(fact: str, sequence: int = 1) -> Message:
    data = {"permission_id": "prm_1", "application_id": APPLICATION, "organization_id": CONSUMER, "product_id": PRODUCT}
    return envelope(f"subscriptions.permission_{fact}.v1", "prm_1", sequence, {**data, "provider_id": PROVIDER})


def agreement(fact: str, sequence: int = 1) -> Message:
    data = {"agreement_id": "agr_1", "organization_id": CONSUMER, "product_id": PRODUCT, "provider_id": PROVIDER}
    return envelope(f"subscriptions.agreement_{fact}.v1", "agr_1", sequence, data)


def calls(batch: int, *records: dict[str, Any], read_through: int | None = None, source: str = "proxy_1") -> Message:
    data = {"source": source, "batch": batch, "records": list(records), "read_through": read_through}
    return envelope("enforcement.calls_recorded.v1", source, batch, data)
