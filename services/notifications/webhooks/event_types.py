"""Which events may leave the platform: read once from the table beside this file, which is the only place that says so.

An event that is not in the table is not sent: whoever adds one decides, and a test asks for the decision.
"""

import csv
from collections.abc import Mapping
from pathlib import Path

EVERYTHING = "*"
OF_A_SERVICE = ".*"
TESTED = "notifications.webhook_tested.v1"


def _read() -> Mapping[str, bool]:
    with Path(__file__).with_name("event_types.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    if any(row["told"] not in ("yes", "no") for row in rows):
        raise ValueError("event_types.csv: each event is told, yes or no")
    return {row["event_type"]: row["told"] == "yes" for row in rows}


DECIDED = _read()
EVENT_TYPES = tuple(sorted(key for key, is_told in DECIDED.items() if is_told))
SERVICES = tuple(sorted({each.partition(".")[0] for each in EVENT_TYPES}))
HEARD = (*EVENT_TYPES, TESTED)


def is_choice(choice: str) -> bool:
    """Say whether this chooses events that there are: one type, a service's all, or everything."""
    return choice == EVERYTHING or choice in EVENT_TYPES or choice in {f"{service}{OF_A_SERVICE}" for service in SERVICES}
