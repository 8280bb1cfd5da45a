"""Asking for permissions and deciding about them, through HTTP: by whom, when, and what the others are told."""

import asyncio
from typing import Any

import pytest

from tests.passports import GRANTS, ROLES
from tests.services.stage import Stage
from tests.services.subscriptions.announcements import (
    APPLICATION,
    PRODUCT,
    PROVIDER,
    application,
    application_deleted,
    organization_deleted,
    product,
    version,
    version_retired,
)
from tests.services.subscriptions.permitting import GRANT_TO, REQUEST, asked, decided, facts, granted

OF_PROVIDER: list[tuple[str, dict[str, Any]]] = [
    ("grant_permission", {}),
    ("refuse_permission", {"reason": "No."}),
    ("return_permission", {"question": "What for?"}),
]
OF_GRANTED: list[tuple[str, dict[str, Any]]] = [
    ("revoke_permission", {"reason": "No more."}),
    ("extend_permission", {"valid_to": None}),
]
OF_APPLICANT: list[tuple[str, dict[str, Any]]] = [
    ("change_permission_request", {"purpose": "To know more."}),
    ("withdraw_permission_request", {}),
]
VERBS = [*OF_PROVIDER, *OF_GRANTED, *OF_APPLICANT]


async def ready_for(stage: Stage, verb: str) -> str:
    """Return a permission about which the verb can be done."""
    made = await granted(stage) if verb in dict(OF_GRANTED) else await asked(stage)
    return str(made["id"])


async def test_asking_and_granting_less(stage: Stage) -> None:
    row = await asked(stage, quota_calls=1000, quota_period="DAY")
    assert row["id"].startswith("prm_")
    assert (row["status"], row["is_in_force"]) == ("REQUESTED", False)
    assert (row["organization_id"], row["provider_id"]) == ("org_consumer", PROVIDER)
    row = await decided(stage, "grant_permission", row["id"], operations=["read"], note="Reading only.")
    assert (row["status"], row["is_in_force"], row["operations"]) == ("GRANTED", True, ["read"])
    assert (row["quota_calls"], row["quota_period"], row["valid_to"]) == (1000, "DAY", None)
    assert row["asked"]["operations"] == ["read", "write"]
    assert [(each["deed"], each["actor"], each["reason"]) for each in row["history"]] == [
        ("REQUESTED", "usr_asker", None),
        ("GRANTED", "usr_decider", "Reading only."),
    ]
    first, last = await stage.announced()
    assert [each["type"] for each in (first, last)] == [
        "portico.subscriptions.permission_requested.v1",
        "portico.subscriptions.permission_granted.v1",
    ]
    assert (last["subject"], last["sequence"], last["audience"]) == (row["id"], 2, "org_consumer,org_provider")
    assert last["data"] == {
        "permission_id": row["id"],
        "application_id": APPLICATION,
        "organization_id": "org_consumer",
        "product_id": PRODUCT,
        "provider_id": PROVIDER,
        "status": "GRANTED",
        "operations": ["read"],
        "valid_from": last["data"]["valid_from"],
        "valid_to": None,
        "quota_calls": 1000,
        "quota_period": "DAY",
        "reason": "Reading only.",
    }


async def test_what_was_asked_back_is_asked_again(stage: Stage) -> None:
    row = await asked(stage)
    row = await decided(stage, "return_permission", row["id"], question="Why write?")
    assert (row["status"], row["reason"]) == ("RETURNED", "Why write?")
    again = await stage.person(org_provider="OWNER").do("return_permission", permission_id=row["id"], question="Well?")
    assert (again.status, again.code) == (409, "QUESTION_OPEN")
    asker = stage.person(org_consumer="DEVELOPER")
    changed = {"operations": ["read"], "quota_calls": 5, "quota_period": "MONTH", "note": "We need not."}
    row = (await asker.do("change_permission_request", permission_id=row["id"], **changed)).result
    assert (row["status"], row["operations"], row["reason"]) == ("REQUESTED", ["read"], "We need not.")
    assert (row["purpose"], row["quota_calls"]) == (REQUEST["purpose"], 5)
    whole = {"operations": None, "quota_calls": None, "quota_period": None}
    row = (await asker.do("change_permission_request", permission_id=row["id"], **whole)).result
    assert (row["operations"], row["quota_calls"]) == (None, None)
    assert await facts(stage) == ["permission_requested", "permission_returned", "permission_requested", "permission_requested"]


@pytest.mark.parametrize(("verb", "more"), [*OF_PROVIDER[:2], OF_APPLICANT[1]])
async def test_after_the_end_one_asks_anew(stage: Stage, verb: str, more: dict[str, Any]) -> None:
    row = await asked(stage)
    if verb == "withdraw_permission_request":
        await stage.person(org_consumer="OWNER").do(verb, permission_id=row["id"], **more)
    else:
        await decided(stage, verb, row["id"], **more)
    if verb == "grant_permission":
        await decided(stage, "revoke_permission", row["id"], reason="No more.")
    assert (await asked(stage))["id"] != row["id"]


async def test_a_provider_grants_by_client_id(stage: Stage) -> None:
    provider = stage.person("usr_decider", org_provider="ADMINISTRATOR")
    row = (await provider.do("grant_permission_to", **GRANT_TO, operations=["read"], note="As agreed.")).result
    assert (row["status"], row["application_id"], row["asked"]) == ("GRANTED", APPLICATION, None)
    assert [each["deed"] for each in row["history"]] == ["GRANTED"]
    assert (await provider.do("grant_permission_to", **GRANT_TO)).code == "PERMISSION_ASKED_ALREADY"


async def test_a_client_id_of_nobody_is_like_one_that_does_not_exist(stage: Stage) -> None:
    await stage.hear(application_deleted())
    provider = stage.person(org_provider="OWNER")
    gone = await provider.do("grant_permission_to", **GRANT_TO)
    unknown = await provider.do("grant_permission_to", **{**GRANT_TO, "client_id": "cli_unknown"})
    assert (gone.status, gone.code, gone.body["fields"][0]["field"]) == (404, "NOT_FOUND", "client_id")
    assert gone.without_trace() == unknown.without_trace()


async def test_granting_by_client_id_is_for_the_products_provider(stage: Stage) -> None:
    for role in ROLES:
        answer = await stage.person(org_provider=role).do("grant_permission_to", **{**GRANT_TO, "client_id": "cli_unknown"})
        expected = (404, "NOT_FOUND") if "DECIDE_PERMISSIONS" in GRANTS[role] else (403, "ROLE_NOT_ALLOWED")
        assert (answer.status, answer.code) == expected
    stranger = stage.person(org_stranger="OWNER", org_consumer="OWNER")
    foreign = await stranger.do("grant_permission_to", **GRANT_TO)
    absent = await stranger.do("grant_permission_to", **{**GRANT_TO, "product_id": "prd_absent"})
    assert (foreign.status, foreign.code) == (404, "NOT_FOUND")
    assert foreign.without_trace() == absent.without_trace()
    assert (await stage.anonymous.do("grant_permission_to", **GRANT_TO)).code == "SIGN_IN_FIRST"
    assert await stage.announced() == []


@pytest.mark.parametrize("role", ROLES)
async def test_the_table_of_roles_decides_who_asks(stage: Stage, role: str) -> None:
    answer = await stage.person(org_consumer=role).do("request_permission", **REQUEST)
    if "REQUEST_PERMISSION" in GRANTS[role]:
        assert answer.result["status"] == "REQUESTED"
    else:
        assert (answer.status, answer.code) == (403, "ROLE_NOT_ALLOWED")
        assert await stage.announced() == []


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize(("verb", "more"), VERBS)
async def test_the_tables_of_roles_decide(stage: Stage, role: str, verb: str, more: dict[str, Any]) -> None:
    is_applicant = verb in dict(OF_APPLICANT)
    permission_id = await ready_for(stage, verb)
    action, side = ("REQUEST_PERMISSION", "org_consumer") if is_applicant else ("DECIDE_PERMISSIONS", PROVIDER)
    answer = await stage.member(side, role).do(verb, permission_id=permission_id, **more)
    if action in GRANTS[role]:
        assert answer.status == 200
    else:
        assert (answer.status, answer.code) == (403, "ROLE_NOT_ALLOWED")


@pytest.mark.parametrize(("verb", "more"), VERBS)
async def test_each_side_does_its_own(stage: Stage, verb: str, more: dict[str, Any]) -> None:
    is_applicant = verb in dict(OF_APPLICANT)
    permission_id = await ready_for(stage, verb)
    other = stage.person(org_provider="OWNER") if is_applicant else stage.person(org_consumer="OWNER")
    answer = await other.do(verb, permission_id=permission_id, **more)
    assert (answer.status, answer.code) == (403, "ONLY_THE_APPLICANT_ASKS" if is_applicant else "ONLY_THE_PROVIDER_PERMITS")


@pytest.mark.parametrize(("verb", "more"), VERBS)
async def test_for_strangers_and_nobody_it_does_not_exist(stage: Stage, verb: str, more: dict[str, Any]) -> None:
    permission_id = await ready_for(stage, verb)
    stranger = stage.person(org_stranger="OWNER")
    foreign = await stranger.do(verb, permission_id=permission_id, **more)
    absent = await stranger.do(verb, permission_id="prm_absent", **more)
    assert (foreign.status, foreign.code) == (404, "NOT_FOUND")
    assert foreign.without_trace() == absent.without_trace()
    assert (await stage.anonymous.do(verb, permission_id=permission_id, **more)).code == "SIGN_IN_FIRST"


async def test_a_strangers_application_is_like_one_that_does_not_exist(stage: Stage) -> None:
    stranger = stage.person(org_stranger="OWNER", org_provider="OWNER")
    foreign = await stranger.do("request_permission", **REQUEST)
    absent = await stranger.do("request_permission", **{**REQUEST, "application_id": "app_absent"})
    assert (foreign.status, foreign.code) == (404, "NOT_FOUND")
    assert foreign.without_trace() == absent.without_trace()
    assert (await stage.anonymous.do("request_permission", **REQUEST)).code == "SIGN_IN_FIRST"
    await stage.hear(organization_deleted())
    gone = await stage.person(org_consumer="OWNER").do("request_permission", **REQUEST)
    assert gone.without_trace() == absent.without_trace()


async def test_what_cannot_be_asked_for(stage: Stage) -> None:
    await stage.hear(product(product_id="prd_draft"), product(product_id="prd_t", sensitivity="OPEN_TEST"))
    await stage.hear(version(product_id="prd_t"))
    for change, code, field in (
        ({"operations": ["read", "erase"]}, "OPERATION_NOT_PUBLISHED", "operations"),
        ({"operations": []}, "INPUT_NOT_USABLE", "operations"),
        ({"valid_to": "2020-01-01T00:00:00Z"}, "VALIDITY_NOT_USABLE", "valid_to"),
        ({"valid_to": "2020-01-01T00:00:00"}, "INPUT_NOT_USABLE", "valid_to"),
        ({"valid_to": "9999-12-31T23:59:59-12:00"}, "INPUT_NOT_USABLE", "valid_to"),
        ({"quota_calls": 5}, "QUOTA_NOT_WHOLE", "quota_period"),
        ({"quota_period": "DAY"}, "QUOTA_NOT_WHOLE", "quota_calls"),
        ({"quota_calls": 0, "quota_period": "DAY"}, "INPUT_NOT_USABLE", "quota_calls"),
        ({"purpose": "  "}, "INPUT_NOT_USABLE", "purpose"),
        ({"legal_basis": None}, "INPUT_NOT_USABLE", "legal_basis"),
        ({"product_id": "prd_draft"}, "NOT_FOUND", "product_id"),
        ({"product_id": "prd_absent"}, "NOT_FOUND", "product_id"),
        ({"product_id": "prd_t", "operations": None}, "OPEN_TO_EVERYBODY", None),
    ):
        answer = await stage.person(org_consumer="OWNER").do("request_permission", **{**REQUEST, **change})
        assert (answer.code, [each["field"] for each in answer.body["fields"]]) == (code, [field] if field else [])
    assert await stage.announced() == []


@pytest.mark.parametrize("is_late", [False, True])
async def test_what_was_retired_is_not_permitted_any_more(stage: Stage, is_late: bool) -> None:
    life = [version(product_id="prd_r"), version_retired(product_id="prd_r")]
    await stage.hear(product(product_id="prd_r"), *(life[::-1] if is_late else life), *life)
    answer = await stage.person(org_consumer="OWNER").do("request_permission", **{**REQUEST, "product_id": "prd_r"})
    assert answer.code == "OPERATION_NOT_PUBLISHED"
    assert (await asked(stage, product_id="prd_r", operations=None))["status"] == "REQUESTED"


async def test_more_than_was_asked_for_is_not_granted(stage: Stage) -> None:
    row = await asked(stage, operations=["read"])
    provider = stage.person(org_provider="OWNER")
    for operations, code in ((["write"], "MORE_THAN_ASKED"), (None, "MORE_THAN_ASKED"), (["erase"], "OPERATION_NOT_PUBLISHED")):
        answer = await provider.do("grant_permission", permission_id=row["id"], operations=operations)
        assert (answer.status, answer.code) == (422, code)


async def test_one_live_permission_under_any_race(stage: Stage) -> None:
    await stage.hear(application(application_id="app_2", client_id="cli_2"))
    asker, provider = stage.person(org_consumer="OWNER"), stage.person(org_provider="OWNER")
    *answers, of_another = await asyncio.gather(
        *(asker.do("request_permission", **REQUEST) for _ in range(5)),
        *(provider.do("grant_permission_to", **GRANT_TO) for _ in range(5)),
        asker.do("request_permission", **{**REQUEST, "application_id": "app_2"}),
    )
    assert sorted(each.status for each in answers) == [200] + [409] * 9
    assert {each.code for each in answers if each.status != 200} == {"PERMISSION_ASKED_ALREADY"}
    assert of_another.status == 200


async def test_of_decisions_at_the_same_moment_one_holds(stage: Stage) -> None:
    row = await asked(stage)
    provider, asker = stage.person(org_provider="OWNER"), stage.person(org_consumer="OWNER")
    answers = await asyncio.gather(
        *(provider.do("grant_permission", permission_id=row["id"]) for _ in range(3)),
        *(provider.do("refuse_permission", permission_id=row["id"], reason="No.") for _ in range(3)),
        *(asker.do("withdraw_permission_request", permission_id=row["id"]) for _ in range(2)),
    )
    assert sorted(each.status for each in answers) == [200] + [409] * 7
    assert [each["sequence"] for each in await stage.announced()] == [1, 2]


async def test_granted_while_revoked_ends_as_one_after_the_other(stage: Stage) -> None:
    row = await granted(stage)
    provider = stage.person(org_provider="OWNER")
    revoked, anew = await asyncio.gather(
        provider.do("revoke_permission", permission_id=row["id"], reason="No more."),
        provider.do("grant_permission_to", **GRANT_TO),
    )
    assert revoked.status == 200
    assert anew.status == 200 or anew.code == "PERMISSION_ASKED_ALREADY"
    (page,) = (await stage.person(org_consumer="OWNER").load("permissions_by_application", [APPLICATION])).rows
    live = [each["id"] for each in page["nodes"] if each["status"] == "GRANTED"]
    assert live == ([anew.result["id"]] if anew.status == 200 else [])


@pytest.mark.parametrize("is_granted", [False, True])
async def test_a_deleted_application_loses_what_stands_once(stage: Stage, is_granted: bool) -> None:
    row = await granted(stage) if is_granted else await asked(stage)
    before = await stage.announced()
    await stage.hear(application_deleted(), application_deleted(), application())
    (kept,) = (await stage.person(org_provider="OBSERVER").load("permissions_by_id", [row["id"]])).rows
    assert (kept["status"], kept["reason"]) == ("LAPSED" if is_granted else "WITHDRAWN", "The application was deleted.")
    assert kept["history"][-1]["actor"] == "usr_deleter"
    assert len(await stage.announced()) == len(before) + 1
    extended = await stage.person(org_provider="OWNER").do("extend_permission", permission_id=row["id"], valid_to=None)
    assert extended.code == ("APPLICATION_GONE" if is_granted else "NOT_GRANTED")


async def test_asking_while_the_application_is_deleted_leaves_nothing_live(stage: Stage) -> None:
    asker = stage.person(org_consumer="OWNER")
    for number in range(6):
        name = f"app_race_{number}"
        await stage.hear(application(application_id=name))
        request = {**REQUEST, "application_id": name}
        await asyncio.gather(asker.do("request_permission", **request), stage.hear(application_deleted(application_id=name)))
        (page,) = (await asker.load("permissions_by_application", [name])).rows
        assert {each["status"] for each in page["nodes"]} <= {"WITHDRAWN"}
