"""Acts as services announce them."""

import itertools
from typing import Any

from chassis.bus import Message
from tests.services.stage import envelope

_numbers = itertools.count(1)


def change(thing_id: str, *organization_ids: str, kind: str = "thing", **after: Any) -> dict[str, Any]:
    """Something that is new, or was changed from null."""
    before = dict.fromkeys(after)
    return {
        "kind": kind,
        "id": thing_id,
        "before": before,
        "after": after,
        "organization_ids": list(organization_ids),
        "left_out": 0,
    }


def act(verb: str, *changes: dict[str, Any], service: str = "identity", **more: Any) -> Message:
    """What a service announces when somebody has done something."""
    concerned = dict.fromkeys(each for change_ in changes for each in change_["organization_ids"])
    data = {
        "verb": verb,
        "outcome": "DONE",
        "code": None,
        "request_id": "req-00000001",
        "cause": None,
        "count": 1,
        "organization_ids": list(concerned),
        "changes": list(changes),
        "left_out": 0,
        **more,
    }
    return envelope(f"{service}.act_recorded.v1", f"act_{next(_numbers)}", 1, data, actor="usr_ann", organization="org_a")


def denial(verb: str, organization_id: str | None, code: str = "NOT_FOUND", **more: Any) -> Message:
    """What a service announces when it has refused something."""
    concerned = [organization_id] if organization_id else []
    return act(verb, outcome="DENIED", code=code, **{"organization_ids": concerned, **more})
