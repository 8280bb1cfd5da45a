"""Products and plans: beginning, describing, offering; and who may."""

import asyncio
from typing import Any

import orjson
import pytest

from tests.services.catalog.stage import OTHER, PLAN, PROVIDER, Stage, small

NEW = {"title": "Accounts", "summary": "All accounts", "sensitivity": "STANDARD"}


async def test_a_product_is_begun_and_announced(stage: Stage) -> None:
    body = {**NEW, "organization_id": PROVIDER, "title": "  Kontu pārskats ", "tags": ["Bank", "bank", "EU"]}
    row = (await stage.provider.do("create_product", **body)).result
    assert (row["slug"], row["title"], row["tags"], row["status"]) == (
        "kontu-parskats",
        "Kontu pārskats",
        ["Bank", "EU"],
        "DRAFT",
    )
    assert row["provider"] == {"id": PROVIDER, "name": "Agency"}
    told = {
        "product_id": row["id"],
        "organization_id": PROVIDER,
        "slug": row["slug"],
        "title": row["title"],
        "sensitivity": "STANDARD",
        "prerequisites": [],
        "titles": {"EN": "Kontu pārskats"},
        "when_unchecked": "CLOSED",
    }
    assert await stage.facts("product_created") == [told]
    wrapped = (await stage.announced())[-1]
    assert (wrapped["subject"], wrapped["organization"], wrapped["sequence"]) == (row["id"], PROVIDER, 1)


UNUSABLE: list[tuple[dict[str, Any], str]] = [
    ({"title": ""}, "title"),
    ({"title": "a\nb"}, "title"),
    ({"title": "a" * 121}, "title"),
    ({"slug": "No Slug"}, "slug"),
    ({"slug": "a--b"}, "slug"),
    ({"slug": "../up"}, "slug"),
    ({"title": "Данные"}, "slug"),
    ({"slug": "sandbox"}, "slug"),
    ({"title": "Sandbox"}, "slug"),
    ({"sensitivity": "SECRET"}, "sensitivity"),
    ({"sensitivity_kinds": ["PERSONAL_DATA"]}, "sensitivity_kinds"),
    ({"tags": ["x"] * 21}, "tags"),
    ({"tags": [""]}, "tags.0"),
    ({"summary": "a\x00"}, "summary"),
    ({"surprise": 1}, "surprise"),
]


async def test_what_cannot_be_used_is_refused_by_field(stage: Stage) -> None:
    for body, field in UNUSABLE:
        answered = await stage.provider.do("create_product", **{"organization_id": PROVIDER, **NEW, **body})
        assert answered.status == 422
        assert [each["field"] for each in answered.body["fields"]] == [field]


async def test_a_slug_is_given_once_even_at_the_same_moment(stage: Stage) -> None:
    body = {"organization_id": PROVIDER, **NEW}
    answers = await asyncio.gather(*(stage.provider.do("create_product", **body) for _ in range(5)))
    assert sorted(each.status for each in answers) == [200, 409, 409, 409, 409]
    assert {each.code for each in answers if each.status == 409} == {"SLUG_TAKEN"}


async def test_a_confidential_product_names_its_kinds(stage: Stage) -> None:
    row = await stage.product(sensitivity="CONFIDENTIAL", sensitivity_kinds=["PERSONAL_DATA", "BANKING_SECRECY", "PERSONAL_DATA"])
    assert row["sensitivity_kinds"] == ["PERSONAL_DATA", "BANKING_SECRECY"]
    changed = (await stage.provider.do("change_product", product_id=row["id"], sensitivity="STANDARD")).result
    assert (changed["sensitivity"], changed["sensitivity_kinds"]) == ("STANDARD", [])


async def test_a_product_is_described_otherwise_and_only_a_difference_is_announced(stage: Stage) -> None:
    row = await stage.product()
    changed = (await stage.provider.do("change_product", product_id=row["id"], title="Money", tags=None)).result
    texts = [{"language": "EN", "title": "Money", "summary": row["summary"]}]
    assert changed == {**row, "title": "Money", "texts": texts}
    assert (await stage.provider.do("change_product", product_id=row["id"], title="Money")).result == changed
    assert [each["title"] for each in await stage.facts("product_changed")] == ["Money"]


async def test_changes_at_the_same_moment_are_all_kept(stage: Stage) -> None:
    product_id = (await stage.product())["id"]
    plans = [stage.provider.do("create_plan", product_id=product_id, **{**PLAN, "name": f"Plan {n}"}) for n in range(5)]
    await asyncio.gather(*plans, stage.provider.do("change_product", product_id=product_id, title="Money"))
    (row,) = (await stage.provider.load("products_by_id", [product_id])).rows
    assert sorted(plan["name"] for plan in row["plans"]) == [f"Plan {n}" for n in range(5)]
    assert row["title"] == "Money"


async def test_a_plan_is_offered_and_announced(stage: Stage) -> None:
    product_id = (await stage.product())["id"]
    terms = {**PLAN, "quota_calls": 1000, "quota_period": "MONTH", "approval": "BY_PROVIDER"}
    plan = (await stage.provider.do("create_plan", product_id=product_id, **terms)).result
    assert {name: plan[name] for name in terms} == terms
    (told,) = await stage.facts("plan_created")
    unsaid = {"valid_from": None, "valid_to": None, "quota_time_zone": "UTC"}
    assert told == {"plan_id": plan["id"], "product_id": product_id, "organization_id": PROVIDER, **terms, **unsaid}
    assert (await stage.provider.load("plans_by_id", [plan["id"], "pln_none"])).rows == [plan, None]
    (row,) = (await stage.provider.load("products_by_id", [product_id])).rows
    assert row["plans"] == [plan]


async def test_a_plan_without_burst_lets_as_many_calls_at_once_as_its_rate(stage: Stage) -> None:
    product_id = (await stage.product())["id"]
    terms = {**PLAN, "burst": None, "rate_requests": 7}
    assert (await stage.provider.do("create_plan", product_id=product_id, **terms)).result["burst"] == 7


TERMS: list[dict[str, Any]] = [
    {"rate_requests": 0},
    {"rate_seconds": -1},
    {"burst": 0},
    {"rate_requests": 1.5},
    {"rate_requests": "1"},
    {"quota_calls": 5},
    {"quota_period": "DAY"},
    {"quota_calls": 5, "quota_period": "YEAR"},
    {"approval": "NOBODY"},
    {"name": " "},
]


async def test_terms_that_cannot_be_used_are_refused(stage: Stage) -> None:
    product_id = (await stage.product())["id"]
    for terms in TERMS:
        assert (await stage.provider.do("create_plan", product_id=product_id, **{**PLAN, **terms})).code == "INPUT_NOT_USABLE", (
            terms
        )


async def test_a_plans_name_is_given_once_within_a_product(stage: Stage) -> None:
    product_id = (await stage.product())["id"]
    await stage.provider.do("create_plan", product_id=product_id, **PLAN)
    answered = await stage.provider.do("create_plan", product_id=product_id, **{**PLAN, "name": "BASIC"})
    assert (answered.status, answered.code) == (409, "PLAN_NAME_TAKEN")
    other = (await stage.product("other"))["id"]
    assert (await stage.provider.do("create_plan", product_id=other, **PLAN)).status == 200


async def test_a_plans_terms_are_changed_and_only_a_difference_is_announced(stage: Stage) -> None:
    published = await stage.published()
    terms = {**PLAN, "rate_requests": 99}
    for _ in range(2):
        changed = (await stage.provider.do("change_plan", plan_id=published.plan_id, **terms)).result
        assert changed["rate_requests"] == 99
    assert [each["rate_requests"] for each in await stage.facts("plan_changed")] == [99]
    second = (await stage.provider.do("create_plan", product_id=published.product_id, **{**PLAN, "name": "Second"})).result
    assert (await stage.provider.do("change_plan", plan_id=second["id"], **PLAN)).code == "PLAN_NAME_TAKEN"


async def _verbs(stage: Stage) -> dict[str, tuple[dict[str, Any], str]]:
    """Return each verb with what makes it go well, and the field that names the thing."""
    published = await stage.published()
    document = orjson.dumps(small()).decode()
    draft = (await stage.draft(published.product_id, label="2.0"))["version"]
    return {
        "create_product": ({"organization_id": PROVIDER, **NEW, "slug": "new"}, "organization_id"),
        "change_product": ({"product_id": published.product_id, "title": "Other"}, "product_id"),
        "import_api": ({"product_id": published.product_id, "document": document, "label": "3.0"}, "product_id"),
        "create_plan": ({"product_id": published.product_id, **PLAN, "name": "More"}, "product_id"),
        "change_plan": ({"plan_id": published.plan_id, **PLAN, "burst": 5}, "plan_id"),
        "publish_version": ({"version_id": draft["id"]}, "version_id"),
    }


async def test_every_verb_asks_for_the_role(stage: Stage) -> None:
    verbs = await _verbs(stage)
    before = await stage.announced()
    for verb, (body, field) in verbs.items():
        refused = await stage.member(PROVIDER, "OBSERVER").do(verb, **body)
        assert (refused.status, refused.code) == (403, "ROLE_NOT_ALLOWED"), verb
        nobody = await stage.anonymous.do(verb, **body)
        assert (nobody.status, nobody.code) == (401, "SIGN_IN_FIRST"), verb
        assert (await stage.anonymous.do(verb, **{**body, field: "none"})).without_trace() == nobody.without_trace()
    assert await stage.announced() == before
    for role, verb in zip(("OWNER", "ADMINISTRATOR", "DEVELOPER", "OWNER", "ADMINISTRATOR", "DEVELOPER"), verbs, strict=True):
        assert (await stage.member(PROVIDER, role).do(verb, **verbs[verb][0])).status == 200, verb


@pytest.mark.parametrize("role", ["OWNER", "DEVELOPER"])
async def test_to_a_stranger_nothing_of_a_provider_exists(stage: Stage, role: str) -> None:
    await stage.operator.do("grant_provider_standing", organization_id=OTHER)
    stranger = stage.member(OTHER, role)
    for verb, (body, field) in (await _verbs(stage)).items():
        foreign = await stranger.do(verb, **body)
        missing = await stranger.do(verb, **{**body, field: "none"})
        assert (foreign.status, foreign.code) == (404, "NOT_FOUND"), verb
        assert foreign.without_trace() == missing.without_trace(), verb


async def test_what_becomes_of_unchecked_calls_is_said_and_never_open_for_the_confidential(stage: Stage) -> None:
    product = await stage.product("open", when_unchecked="OPEN")
    assert product["when_unchecked"] == "OPEN"
    assert (await stage.product("closed"))["when_unchecked"] == "CLOSED"
    assert [each["when_unchecked"] for each in await stage.facts("product_created")] == ["OPEN", "CLOSED"]
    kept = (await stage.provider.do("change_product", product_id=product["id"], title="Still open")).result
    assert kept["when_unchecked"] == "OPEN"
    confidential = {"sensitivity": "CONFIDENTIAL", "sensitivity_kinds": ["PERSONAL_DATA"]}
    refused = await stage.provider.do("change_product", product_id=product["id"], **confidential, when_unchecked="OPEN")
    assert (refused.status, refused.code) == (422, "CONFIDENTIAL_STAYS_CLOSED")
    assert [each["field"] for each in refused.body["fields"]] == ["when_unchecked"]
    changed = (await stage.provider.do("change_product", product_id=product["id"], **confidential)).result
    assert changed["when_unchecked"] == "CLOSED"
    assert (await stage.facts("product_changed"))[-1]["when_unchecked"] == "CLOSED"
    unknown = await stage.provider.do("change_product", product_id=product["id"], when_unchecked="HALF")
    assert [each["field"] for each in unknown.body["fields"]] == ["when_unchecked"]
