"""Mutations: a thing or a problem, one after the other, and what is read afterwards is read with fresh rights."""

from typing import Any

import orjson
from starlette.responses import Response

from tests.gateway.canned import ORGANIZATIONS, Refusal

CREATE = """
  mutation($input: CreateOrganizationInput!) { createOrganization(input: $input) {
    __typename
    ... on Organization { id name applications { totalCount } }
    ... on Problem { code message traceId help retryAfterSeconds fields { field message } }
  } }
"""


def creates(running: Any) -> None:
    def create_organization(body: Any, user: str) -> Any:
        made = {"id": "org_new", "name": body["name"], "is_test": False, "created_at": "2026-11-05T00:00:00Z"}
        ORGANIZATIONS["org_new"] = made
        running.world.members[user]["org_new"] = "OWNER"
        return made

    running.world.verbs["create_organization"] = create_organization


async def test_a_thing_goes_on_into_the_graph_with_the_rights_it_gave(running: Any) -> None:
    creates(running)
    answer = await running.ask(CREATE, input={"name": "New"})
    made = {"__typename": "Organization", "id": "org_new", "name": "New", "applications": {"totalCount": 0}}
    assert answer == {"data": {"createOrganization": made}}
    paths = [each.path for each in running.world.asked]
    assert paths == [
        "/do/issue_visitor_passport",
        "/do/issue_passport",
        "/do/create_organization",
        "/do/issue_passport",
        "/load/applications_by_organization",
    ]


async def test_input_travels_in_snake_case_and_what_is_left_out_stays_out(running: Any) -> None:
    running.world.verbs["change_application"] = lambda _body, _user: {"id": "app_1"}
    document = "mutation($i: ChangeApplicationInput!) { changeApplication(input: $i) { __typename } }"
    await running.ask(document, i={"applicationId": "app_1", "description": None})
    (asked,) = (each for each in running.world.asked if each.path == "/do/change_application")
    assert asked.body == {"application_id": "app_1", "description": None}


async def test_a_refusal_becomes_a_problem(running: Any) -> None:
    def refuse(_body: Any, _user: Any) -> Any:
        fields = [{"field": "time_zone.0", "message": "give a name"}]
        raise Refusal(422, "INPUT_NOT_USABLE", "time_zone.0: give a name", {"fields": fields, "retry_after_seconds": 3})

    running.world.verbs["create_organization"] = refuse
    answer = await running.ask(CREATE, input={"name": ""})
    assert answer == {"data": {"createOrganization": {
        "__typename": "Problem", "code": "INPUT_NOT_USABLE", "message": "timeZone.0: give a name", "traceId": "f" * 32,
        "help": "https://portico.dev/problems/x", "retryAfterSeconds": 3,
        "fields": [{"field": "timeZone.0", "message": "give a name"}],
    }}}  # fmt: skip


async def test_an_unknown_failure_is_masked_with_its_trace(running: Any) -> None:
    secret = {"code": "INTERNAL", "status": 500, "detail": "secret stack", "trace_id": "a" * 32}
    running.world.broken["/do/create_organization"] = lambda: Response(orjson.dumps(secret), 500)
    answer = await running.ask(CREATE, input={"name": "New"})
    problem = answer["data"]["createOrganization"]
    assert problem["code"] == "INTERNAL"
    assert problem["traceId"] == "a" * 32
    assert "secret" not in orjson.dumps(answer).decode()


async def test_a_service_that_is_down_is_a_problem_too(running: Any) -> None:
    running.world.broken["/do/create_organization"] = lambda: Response(b"", 503)
    answer = await running.ask(CREATE, input={"name": "New"})
    assert answer["data"]["createOrganization"]["code"] == "UNAVAILABLE"


async def test_mutations_run_one_after_the_other(running: Any) -> None:
    order: list[str] = []

    def subscribe(body: Any, _user: Any) -> Any:
        order.append(body["plan_id"])
        if body["plan_id"] == "second":
            raise Refusal(409, "ALREADY_SUBSCRIBED")
        return running.world.subscriptions["sub_1"]

    running.world.verbs["subscribe"] = subscribe
    field = 'subscribe(input: {{applicationId: "app_1", productId: "prd_cards", planId: "{0}"}})'
    asked = " ".join(
        f"{name}: {field.format(name)} {{ ... on Problem {{ code }} ... on Subscription {{ plan {{ id }} }} }}"
        for name in ("first", "second", "third")
    )
    answer = await running.ask(f"mutation {{ {asked} }}")
    assert order == ["first", "second", "third"]
    assert answer["data"] == {
        "first": {"plan": {"id": "pln_free"}},
        "second": {"code": "ALREADY_SUBSCRIBED"},
        "third": {"plan": {"id": "pln_free"}},
    }


async def test_a_secret_is_shown_with_what_it_belongs_to(running: Any) -> None:
    made = {"application": {"id": "app_9", "organization_id": "org_ann", "client_id": "c"}, "client_secret": "shown once"}
    running.world.verbs["create_application"] = lambda _body, _user: made
    document = """mutation { createApplication(input: {organizationId: "org_ann", name: "A"}) {
      ... on CreatedApplication { clientSecret application { clientId organization { name } } } } }"""
    answer = await running.ask(document)
    assert answer["data"]["createApplication"] == {
        "clientSecret": "shown once",
        "application": {"clientId": "c", "organization": {"name": "Ann"}},
    }
