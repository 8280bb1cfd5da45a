"""Acts that audit hears of in tests."""

from typing import Any

from chassis.clock import Clock
from chassis.messages import to_timestamp
from tests.services.stage import Stage, envelope


def act(number: int, *organization_ids: str, at: str) -> Any:
    data = {
        "verb": "rename_organization",
        "outcome": "DONE",
        "code": None,
        "request_id": f"req_{number}",
        "cause": None,
        "count": 1,
        "left_out": 0,
        "organization_ids": list(organization_ids),
        "changes": [
            {
                "kind": "Organization",
                "id": "org_a",
                "before": {"name": "Ā"},
                "after": {"name": "Ž", "count": number},
                "organization_ids": list(organization_ids),
                "left_out": 0,
            }
        ],
    }
    return envelope("identity.act_recorded.v1", f"act_{number}", 1, data, time=at, actor="usr_1")


async def record(stage: Stage, clock: Clock, count: int, *organization_ids: str, start: int = 0) -> None:
    for number in range(start, start + count):
        await stage.hear(act(number, *organization_ids, at=to_timestamp(clock.now())))
