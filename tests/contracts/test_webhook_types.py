"""Whether an event may leave the platform through webhooks is decided for each of them, in one table."""

from portico import contracts
from services.notifications.webhooks.event_types import DECIDED


def test_of_each_event_it_is_decided_whether_webhooks_tell_it() -> None:
    undecided = {event.key for event in contracts.event_classes()} - DECIDED.keys()
    assert not undecided, f"say yes or no in services/notifications/webhooks/event_types.csv: {sorted(undecided)}"
    assert DECIDED.keys() - {event.key for event in contracts.event_classes()} == set()
