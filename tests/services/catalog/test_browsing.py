"""The public catalogue: who sees what, searching, paging; and that a page costs a handful of queries."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson
import pytest
from motor.motor_asyncio import AsyncIOMotorClient
from pymongo.monitoring import CommandFailedEvent, CommandListener, CommandStartedEvent, CommandSucceededEvent

from chassis.clock import SystemClock
from chassis.mongo import Store
from services.catalog.main import build
from services.catalog.settings import CatalogSettings
from tests.passports import make_verifier
from tests.services.catalog.stage import OTHER, PATIENT, PLAIN, PROVIDER, Person, Stage, small


async def titles(person: Person, **args: Any) -> list[str]:
    (row,) = (await person.load("products", [None], **args)).rows
    assert row["total"] >= len(row["nodes"])
    return [each["title"] for each in row["nodes"]]


def with_operation(operation_id: str, path: str, summary: str, tag: str) -> dict[str, Any]:
    operation = {"operationId": operation_id, "summary": summary, "tags": [tag], "responses": {"200": {"description": "Done"}}}
    return small(paths={path: {"get": operation}})


@pytest.fixture
async def shelves(stage: Stage) -> Stage:
    await stage.published("weather", title="Weather", summary="Rain and accounts of storms", tags=["Nature"])
    await stage.published("accounts", title="Bank Accounts", summary="Money", tags=["Finance"], sensitivity="CONFIDENTIAL")
    await stage.published("money", title="Money", summary="Payments", tags=["accounts", "finance"])
    document = with_operation("domesticAccountsPost", "/kontu-saraksts", "Čeki un žurnāli", "Grāmatvedība")
    await stage.published("ledger", document, title="Ledger", summary="Books", tags=[])
    await stage.product("secret", title="Secret accounts")
    return stage


async def test_everybody_sees_what_is_published_and_nobody_else_a_draft(shelves: Stage) -> None:
    expected = ["Bank Accounts", "Ledger", "Money", "Weather"]
    for person in (shelves.anonymous, shelves.stranger, shelves.operator, shelves.provider):
        assert await titles(person) == expected


async def test_the_best_finds_come_first(shelves: Stage) -> None:
    anonymous = shelves.anonymous
    assert await titles(anonymous, search="accounts") == ["Bank Accounts", "Money", "Weather", "Ledger"]
    assert await titles(anonymous, search="ACCO") == ["Bank Accounts", "Money", "Weather", "Ledger"]
    assert await titles(anonymous, search="money") == ["Money", "Bank Accounts"]
    assert await titles(anonymous, search="money acc") == ["Money", "Bank Accounts"]


async def test_operations_are_found_without_case_and_marks(shelves: Stage) -> None:
    for search in ("ceki", "ČEKI", "zurnal", "gramatvediba", "konTU saraksts", "domestic", "post"):
        assert await titles(shelves.anonymous, search=search) == ["Ledger"], search


async def test_what_nobody_offers_is_not_found(shelves: Stage) -> None:
    for search in ("nothing-like-it", "ccounts", "!!!", "secret", "\u0000", "money weather"):
        assert await titles(shelves.anonymous, search=search) == [], search


async def test_filters_go_with_and_without_a_search(shelves: Stage) -> None:
    anonymous = shelves.anonymous
    assert await titles(anonymous, sensitivity="CONFIDENTIAL") == ["Bank Accounts"]
    assert await titles(anonymous, tag="FINANCE") == ["Bank Accounts", "Money"]
    assert await titles(anonymous, tag="finance", search="pay") == ["Money"]
    assert await titles(anonymous, search="accounts", sensitivity="STANDARD") == ["Money", "Weather", "Ledger"]
    assert await titles(anonymous, search="  ", tag=None, sensitivity=None) == ["Bank Accounts", "Ledger", "Money", "Weather"]


@pytest.mark.parametrize("args", [{}, {"search": "accounts"}])
async def test_pages_follow_one_another(shelves: Stage, args: dict[str, Any]) -> None:
    whole, seen, after = await titles(shelves.anonymous, **args), [], None
    for _ in range(10):
        (row,) = (await shelves.anonymous.load("products", [None], first=1, after=after, **args)).rows
        assert row["total"] == 4
        seen += [each["title"] for each in row["nodes"]]
        after = row["next"]
        if after is None:
            break
    assert seen == whole


async def test_a_cursor_of_another_list_is_refused(shelves: Stage) -> None:
    (by_title,) = (await shelves.anonymous.load("products", [None], first=1)).rows
    (by_score,) = (await shelves.anonymous.load("products", [None], first=1, search="accounts")).rows
    for args in (
        {"search": "accounts", "after": by_title["next"]},
        {"after": by_score["next"]},
        {"after": "rubbish"},
        {"first": 0},
    ):
        assert (await shelves.anonymous.load("products", [None], **args)).code == "PAGE_NOT_READABLE"
    for args in ({"sensitivity": "SECRET"}, {"search": "x" * 201}, {"search": 5}, {"surprise": 1}):
        assert (await shelves.anonymous.load("products", [None], **args)).code == "INPUT_NOT_USABLE"


async def test_a_changed_description_is_found_by_its_new_words_alone(shelves: Stage) -> None:
    (row,) = (await shelves.anonymous.load("products_by_slug", ["weather"])).rows
    await shelves.provider.do("change_product", product_id=row["id"], title="Climate")
    assert await titles(shelves.anonymous, search="weather") == []
    assert await titles(shelves.anonymous, search="climate listaccounts") == ["Climate"]


async def test_a_draft_exists_for_the_providers_members_alone(stage: Stage) -> None:
    product = await stage.product("draft")
    plan = (await stage.provider.do("create_plan", product_id=product["id"], **_plan())).result
    version = (await stage.draft(product["id"]))["version"]
    keys = {
        "products_by_id": (product["id"], "prd_none"),
        "products_by_slug": ("draft", "none"),
        "plans_by_id": (plan["id"], "pln_none"),
        "versions_by_id": (version["id"], "ver_none"),
        "operations_by_version": (version["id"], "ver_none"),
        "documents_by_version": (version["id"], "ver_none"),
    }
    for name, (present, missing) in keys.items():
        for role in ("OWNER", "ADMINISTRATOR", "DEVELOPER", "OBSERVER"):
            own, none = (await stage.member(PROVIDER, role).load(name, [present, missing])).rows
            assert own is not None, name
            assert none is None, name
        for person in (stage.anonymous, stage.stranger, stage.operator):
            foreign = await person.load(name, [present, missing])
            assert orjson.dumps(foreign.body) == b'{"rows":[null,null]}', name


async def test_a_published_product_hides_its_next_draft(stage: Stage) -> None:
    published = await stage.published()
    draft = (await stage.draft(published.product_id, label="2.0"))["version"]
    other_api = await stage.draft(published.product_id, label="1.0", slug="other")

    def seen(row: dict[str, Any]) -> dict[str, list[str]]:
        return {api["slug"]: [version["label"] for version in api["versions"]] for api in row["apis"]}

    (own,) = (await stage.provider.load("products_by_slug", ["accounts"])).rows
    assert seen(own) == {"account-api": ["1.0", "2.0"], "other": ["1.0"]}
    for person in (stage.anonymous, stage.stranger):
        (row,) = (await person.load("products_by_slug", ["accounts"])).rows
        assert seen(row) == {"account-api": ["1.0"]}
        ids = [draft["id"], other_api["version"]["id"], published.version_id]
        for name in ("versions_by_id", "operations_by_version", "documents_by_version"):
            rows = (await person.load(name, ids)).rows
            assert rows[:2] == [None, None]
            assert rows[2] is not None


async def test_a_providers_shelf_shows_drafts_to_members_alone(stage: Stage) -> None:
    await stage.published("beta")
    await stage.product("alpha")
    keys = [PROVIDER, OTHER, "org_none"]
    own = (await stage.member(PROVIDER, "OBSERVER").load("products_by_organization", keys)).rows
    assert [[each["slug"] for each in row["nodes"]] for row in own] == [["alpha", "beta"], [], []]
    foreign = (await stage.stranger.load("products_by_organization", keys)).rows
    assert [[each["slug"] for each in row["nodes"]] for row in foreign] == [["beta"], [], []]
    assert foreign[1] == foreign[2] == {"nodes": [], "cursors": [], "next": None, "total": 0}
    (first,) = (await stage.provider.load("products_by_organization", [PROVIDER], first=1)).rows
    (second,) = (await stage.provider.load("products_by_organization", [PROVIDER], first=1, after=first["next"])).rows
    assert [each["slug"] for each in (*first["nodes"], *second["nodes"])] == ["alpha", "beta"]
    assert (first["total"], second["next"]) == (2, None)


class _Counting(CommandListener):
    """Counts what is asked of the database."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def started(self, event: CommandStartedEvent) -> None:
        self.asked.append(event.command_name)

    def succeeded(self, event: CommandSucceededEvent) -> None:
        """Nothing is counted then."""

    def failed(self, event: CommandFailedEvent) -> None:
        """Nothing is counted then."""


LOADS: tuple[tuple[str, Callable[[dict[str, Any]], str], int], ...] = (
    ("products_by_id", lambda row: row["id"], 2),
    ("products_by_slug", lambda row: row["slug"], 2),
    ("products_by_organization", lambda row: row["organization_id"], 3),
    ("plans_by_id", lambda row: row["plans"][0]["id"], 1),
    ("versions_by_id", lambda row: row["apis"][0]["versions"][0]["id"], 1),
    ("operations_by_version", lambda row: row["apis"][0]["versions"][0]["id"], 2),
    ("documents_by_version", lambda row: row["apis"][0]["versions"][0]["id"], 2),
    ("provider_standing_by_organization", lambda row: row["organization_id"], 1),
    ("products", lambda _: "", 3),
)


async def test_however_many_keys_a_load_costs_the_same_few_queries(shelves: Stage, mongo_url: str, tmp_path: Path) -> None:
    (row,) = (await shelves.anonymous.load("products", [None])).rows
    counting = _Counting()
    client: Any = AsyncIOMotorClient(mongo_url, tz_aware=True, event_listeners=[counting])
    store = Store(client, shelves.service.store.name, SystemClock())
    service = build(CatalogSettings(**PATIENT), shelves.service.bus, store, make_verifier(tmp_path / "keys"))
    person = Stage(service, shelves.sandbox, tmp_path / "keys").anonymous
    await person.load("products", [None])
    for name, key_of, most in LOADS:
        counting.asked.clear()
        rows = (await person.load(name, [key_of(each) for each in row["nodes"]] + [PLAIN])).rows
        assert len(rows) == 5
        assert len(counting.asked) <= most, (name, counting.asked)
    client.close()


def _plan() -> dict[str, Any]:
    return {"name": "Basic", "rate_requests": 1, "rate_seconds": 1, "burst": 1, "approval": "AUTOMATIC"}
