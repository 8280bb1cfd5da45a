"""What is asked of every service becomes one page, in one order, and is never a part that looks like the whole."""

from collections.abc import Sequence
from typing import Any

from chassis.paging import Page, connection
from graphql_gateway.engine.failures import Failure
from graphql_gateway.gathering import SERVICES, gathered, service_of
from portico import composition

LETTERS = {
    "identity": [("2026-11-01", "identity.a", "evt_1"), ("2026-11-04", "identity.a", "evt_4")],
    "audit": [("2026-11-02", "audit.b", "evt_2"), ("2026-11-03", "audit.b", "evt_3"), ("2026-11-05", "audit.b", "evt_5")],
}
DOWN = Failure("UNAVAILABLE", "It does not answer.", "0" * 32)
WITHOUT = Failure("NO_SUCH_ROUTE", "There is nothing at this address.", "0" * 32)


def _key(row: dict[str, Any]) -> tuple[Any, ...]:
    return row["died_at"], row["queue"], row["id"]


class Services:
    """What the services answer, and which were asked."""

    def __init__(self, **instead: Failure) -> None:
        self.asked: list[str] = []
        self._instead = instead

    async def load(self, service: str, name: str, keys: list[Any], args: dict[str, Any]) -> Sequence[Any] | Failure:
        assert name == "dead_letters"
        assert "service" not in args
        self.asked.append(service)
        if service in self._instead:
            return self._instead[service]
        if service not in LETTERS:
            return WITHOUT
        rows = [dict(zip(("died_at", "queue", "id"), each, strict=True)) for each in LETTERS[service]]
        behind = [row for row in rows if args.get("after") is None or _key(row) > args["after"]]
        page = Page(args.get("first", 20))
        return [connection(behind[: page.first + 1], page, _key, total=len(rows)) for _ in keys]


async def ids(services: Services, **args: Any) -> tuple[list[str], bool, int]:
    answer = await gathered(services.load, "dead_letters", ["all"], args)
    assert not isinstance(answer, Failure)
    page = answer[0]
    assert len(page["cursors"]) == len(page["nodes"])
    return [row["id"] for row in page["nodes"]], page["next"] is not None, page["total"]


def test_every_service_of_the_platform_is_asked() -> None:
    assert SERVICES == composition.SERVICES


async def test_pages_of_all_become_one_in_one_order() -> None:
    services = Services()
    assert await ids(services) == (["evt_1", "evt_2", "evt_3", "evt_4", "evt_5"], False, 5)
    assert services.asked == list(SERVICES)
    assert await ids(services, first=3) == (["evt_1", "evt_2", "evt_3"], True, 5)
    assert await ids(services, first=3, after=("2026-11-03", "audit.b", "evt_3")) == (["evt_4", "evt_5"], False, 5)
    assert await ids(services, first=5) == (["evt_1", "evt_2", "evt_3", "evt_4", "evt_5"], False, 5)


async def test_one_service_is_asked_alone() -> None:
    services = Services(identity=DOWN)
    assert await ids(services, service="AUDIT") == (["evt_2", "evt_3", "evt_5"], False, 3)
    assert services.asked == ["audit"]


async def test_where_one_fails_nothing_is_passed_off_as_all() -> None:
    assert await gathered(Services(identity=DOWN).load, "dead_letters", ["all"], {}) == DOWN


async def test_what_nobody_may_see_is_null() -> None:
    async def load(_service: str, _name: str, keys: list[Any], _args: dict[str, Any]) -> Sequence[Any] | Failure:
        return [None for _ in keys]

    assert await gathered(load, "dead_letters", ["all"], {}) == [None]


def test_a_queue_tells_whose_it_is() -> None:
    assert service_of("audit.remember_member") == "audit"
    assert {service_of(each) for each in ("nobodys.queue", "", None, "identity")} == {"identity"}
