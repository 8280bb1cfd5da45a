"""What an organization has does not exist for strangers: the graph answers them as for ids that do not exist."""

import asyncio
import json
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from websockets.asyncio.client import connect

from tests.journeys.two_organizations import PERIOD, TERMS, World, absent_for, document, filled

PROBLEM = "... on Problem { code message fields { field message } retryAfterSeconds traceId }"
FIGURES = "totals { calls } series { start calls } groups { key label calls }"


# ---- What strangers do: (verb, the thing in question, the input).
DONE: list[tuple[str, str, dict[str, Any]]] = [
    ("renameOrganization", "organization", {"organizationId": "$organization", "name": "Taken over"}),
    ("inviteMember", "organization", {"organizationId": "$organization", "email": "x@strangers.example", "role": "OBSERVER"}),
    ("changeRole", "organization", {"organizationId": "$organization", "userId": "$user", "role": "OBSERVER"}),
    ("changeRole", "user", {"organizationId": "$own_organization", "userId": "$user", "role": "OBSERVER"}),
    ("removeMember", "organization", {"organizationId": "$organization", "userId": "$user"}),
    ("removeMember", "user", {"organizationId": "$own_organization", "userId": "$user"}),
    ("acceptInvitation", "invitation_token", {"token": "$invitation_token"}),
    ("createApplication", "organization", {"organizationId": "$organization", "name": "Mine"}),
    ("changeApplication", "application", {"applicationId": "$application", "name": "Mine"}),
    ("deleteApplication", "application", {"applicationId": "$application"}),
    ("rotateSecret", "application", {"applicationId": "$application"}),
    ("grantProviderStanding", "organization", {"organizationId": "$organization"}),
    ("createProduct", "organization", {"organizationId": "$organization", "title": "Mine"}),
    ("changeProduct", "product", {"productId": "$product", "title": "Mine"}),
    ("changeProduct", "public_product", {"productId": "$public_product", "title": "Mine"}),
    ("importApi", "product", {"productId": "$product", "document": document("mine")}),
    ("importApi", "product", {"productId": "$product", "document": "{ not a document"}),
    ("importApi", "public_product", {"productId": "$public_product", "document": document("mine")}),
    ("createPlan", "product", {"productId": "$product", **TERMS}),
    ("changePlan", "plan", {"planId": "$plan", **TERMS}),
    ("changePlan", "public_plan", {"planId": "$public_plan", **TERMS}),
    ("publishVersion", "version", {"versionId": "$version"}),
    ("publishVersion", "public_version", {"versionId": "$public_version"}),
    *(
        ("subscribe", name, {"applicationId": f"${application}", "productId": f"${product}", "planId": f"${plan}"})
        for name, application, product, plan in (
            ("application", "application", "public_product", "public_plan"),
            ("product", "own_application", "product", "public_plan"),
            ("plan", "own_application", "public_product", "plan"),
        )
    ),
    ("approveSubscription", "subscription", {"subscriptionId": "$subscription"}),
    ("rejectSubscription", "subscription", {"subscriptionId": "$subscription", "reason": "No."}),
    ("cancelSubscription", "subscription", {"subscriptionId": "$subscription"}),
]
KINDS = (
    *("organization", "application", "product", "plan", "version", "version_beside", "subscription"),
    *("api", "membership", "invitation", "secret", "user"),
)
OF_NOBODYS_THINGS = {"register", "verifyEmail", "signIn", "signOut", "createOrganization"}
USAGE = f"query($input: UsageInput!) {{ usage(input: $input) {{ {FIGURES} }} }}"
_OF_APPLICATION = f"id name clientId secrets {{ hint }} subscriptions {{ totalCount }} usage(input: $period) {{ {FIGURES} }}"
_OF_ORGANIZATION = f"""id name members {{ nodes {{ user {{ email }} }} }} invitations {{ email }} isProvider
  applications {{ nodes {{ id }} }} subscriptionRequests {{ nodes {{ id }} }} products {{ nodes {{ id }} }}
  usage(input: $period) {{ {FIGURES} }}"""
_OF_PRODUCT = "id title plans { id name } apis { id title versions { id status operations { path } document { text } } }"

# ---- What strangers ask: (the thing in question, the document, its variables beside the period). Each answer is null.
ASKED: list[tuple[str, str, dict[str, Any]]] = [
    ("organization", f"organization(id: $it) {{ {_OF_ORGANIZATION} }}", {}),
    ("application", f"application(id: $it) {{ {_OF_APPLICATION} }}", {}),
    ("subscription", "subscription(id: $it) { id status applicant { clientId } application { id } }", {}),
    ("slug", f"product(slug: $slug) {{ {_OF_PRODUCT} }}", {}),
    *((name, "node(id: $it) { __typename id ... on Version { operations { path } document { text } } }", {}) for name in KINDS),
    *(
        (name, f"usage(input: $usage) {{ {FIGURES} }}", {"usage": usage})
        for name, usage in (
            ("organization", {"organizationId": "<it>"}),
            ("application", {"applicationId": "<it>"}),
            ("product", {"productId": "<it>"}),
            ("public_product", {"productId": "<it>"}),
        )
    ),
]


@pytest.mark.parametrize(("verb", "name", "values"), DONE, ids=[f"{verb}-{name}" for verb, name, _ in DONE])
async def test_what_a_stranger_does_is_refused_as_for_what_does_not_exist(
    world: World, verb: str, name: str, values: dict[str, Any]
) -> None:
    text = f"mutation($input: {verb[0].upper()}{verb[1:]}Input!) {{ {verb}(input: $input) {{ __typename {PROBLEM} }} }}"
    foreign, absent = await world.told(
        "stranger", text, world.ids[name], absent_for(world, name), input=filled(world, values, name)
    )
    assert foreign == absent
    code = json.loads(foreign[2])["data"][verb]["code"]
    expected = {"grantProviderStanding": "OPERATOR_ONLY", "acceptInvitation": "NO_SUCH_INVITATION"}
    assert code == expected.get(verb, "NO_SUCH_MEMBER" if name == "user" else "NOT_FOUND")

    anonymous, _ = await world.told("nobody", text, world.ids[name], absent_for(world, name), input=filled(world, values, name))
    assert json.loads(anonymous[2])["data"][verb]["code"] == "SIGN_IN_FIRST"


@pytest.mark.parametrize("who", ["stranger", "nobody"])
@pytest.mark.parametrize(("name", "fields", "more"), ASKED, ids=[f"{fields.split('(')[0]}-{name}" for name, fields, _ in ASKED])
async def test_what_a_stranger_asks_is_null_as_for_what_does_not_exist(
    world: World, who: str, name: str, fields: str, more: dict[str, Any]
) -> None:
    declared = {"it": "ID!", "slug": "String!", "period": "UsageInput!", "usage": "UsageInput!"}
    given = {"it": "<it>", "slug": "<it>", "period": PERIOD, "usage": {**PERIOD, **more.get("usage", {})}}
    used = [each for each in declared if f"${each}" in fields]
    text = f"query({', '.join(f'${each}: {declared[each]}' for each in used)}) {{ {fields} }}"
    variables = {each: given[each] for each in used}
    foreign, absent = await world.told(who, text, world.ids[name], absent_for(world, name), **variables)
    assert foreign == absent
    assert json.loads(foreign[2]) == {"data": {fields.partition("(")[0]: None}}


SIDEWAYS: list[tuple[str, str, dict[str, Any]]] = [
    ("word", "query($text: String!) { products(search: $text) { totalCount nodes { id } } }", {"text": "<it>"}),
    ("organization", "query($on: ID!) { viewer { can(action: VIEW_ORGANIZATION, on: $on) { allowed reason } } }", {"on": "<it>"}),
    ("application", "query($on: ID!) { viewer { can(action: SUBSCRIBE, on: $on) { allowed reason } } }", {"on": "<it>"}),
    *(
        ("application" if key == "applicationId" else "product", USAGE, {"input": {**PERIOD, "groupBy": grouping, key: "<it>"}})
        for key in ("applicationId", "productId")
        for grouping in ("APPLICATION", "PRODUCT", "PLAN", "OPERATION")
    ),
    (
        "email",
        f"mutation($input: InviteMemberInput!) {{ inviteMember(input: $input) {{ __typename {PROBLEM} }} }}",
        {"input": {"organizationId": "$own_organization", "email": "<it>", "role": "OBSERVER"}},
    ),
]


@pytest.mark.parametrize(
    ("name", "text", "variables"), SIDEWAYS, ids=[f"{number}-{each[0]}" for number, each in enumerate(SIDEWAYS)]
)
async def test_nothing_is_learned_sideways(world: World, name: str, text: str, variables: dict[str, Any]) -> None:
    given = {key: filled(world, value, "") if isinstance(value, dict) else value for key, value in variables.items()}
    if text == USAGE:
        given["input"]["organizationId"] = world.ids["own_organization"]
    foreign, absent = await world.told("stranger", text, world.ids[name], absent_for(world, name), **given)
    assert foreign == absent
    assert "errors" not in json.loads(foreign[2])


async def test_a_published_product_shows_no_draft_and_a_provider_no_draft_product(world: World) -> None:
    text = (
        "query($slug: String!, $id: ID!) { product(slug: $slug) { apis { versions { id status } } }"
        " node(id: $id) { ... on Product { apis { title versions { id } } } } products(first: 100) { nodes { id } } }"
    )
    variables = {"slug": world.ids["public_slug"], "id": world.ids["public_product"]}
    for who, sees_draft in (("stranger", False), ("nobody", False), ("observer", True)):
        seen = await world.people[who].ask(text, **variables)
        versions = [version["id"] for api in seen["product"]["apis"] for version in api["versions"]]
        assert (world.ids["version_beside"] in versions) == sees_draft
        assert ("hidden-beside" in json.dumps(seen["node"])) == sees_draft
        assert world.ids["product"] not in json.dumps(seen["products"])


async def test_every_verb_of_the_graph_has_been_tried(world: World) -> None:
    shown = await world.people["nobody"].ask("{ __schema { mutationType { fields { name } } queryType { fields { name } } } }")
    assert {each["name"] for each in shown["__schema"]["mutationType"]["fields"]} == {
        verb for verb, *_ in DONE
    } | OF_NOBODYS_THINGS
    asked = {fields.split("(")[0] for _, fields, _ in ASKED}
    assert {each["name"] for each in shown["__schema"]["queryType"]["fields"]} == asked | {"viewer", "products"}


CHANGED = "subscription($it: ID!) { subscriptionChanged(applicationId: $it) { id status applicant { clientId } } }"
TICKED = f"subscription($usage: UsageInput!) {{ usageTicked(input: $usage) {{ {FIGURES} }} }}"
WATCHED: list[tuple[str, str, dict[str, Any]]] = [
    ("application", CHANGED, {"it": "<it>"}),
    *(
        (name, TICKED, {"usage": {**PERIOD, key: "<it>"}})
        for name, key in (
            ("organization", "organizationId"),
            ("application", "applicationId"),
            ("product", "productId"),
            ("public_product", "productId"),
        )
    ),
]


class Watching:
    """One socket with one update on it."""

    def __init__(self, connection: Any) -> None:
        self._connection = connection

    async def send(self, **message: Any) -> None:
        await self._connection.send(json.dumps(message))

    async def hear(self, seconds: float = 10) -> Any:
        return json.loads(await asyncio.wait_for(self._connection.recv(), seconds))


@asynccontextmanager
async def watching(world: World, who: str, query: str, variables: dict[str, Any]) -> AsyncIterator[Watching]:
    token = world.people[who].token
    url = world.url.replace("http://", "ws://", 1)
    async with connect(url, subprotocols=["graphql-transport-ws"]) as connection:  # type: ignore[list-item]
        socket = Watching(connection)
        await socket.send(type="connection_init", payload={"authorization": f"Bearer {token}"} if token else {})
        assert (await socket.hear())["type"] == "connection_ack"
        await socket.send(id="1", type="subscribe", payload={"query": query, "variables": variables})
        yield socket


@pytest.mark.parametrize("who", ["stranger", "nobody"])
@pytest.mark.parametrize(("name", "query", "variables"), WATCHED, ids=[f"{query[13:25]}-{name}" for name, query, _ in WATCHED])
async def test_a_stranger_watches_nothing(world: World, who: str, name: str, query: str, variables: dict[str, Any]) -> None:
    heard = []
    for each in (world.ids[name], absent_for(world, name)):
        async with watching(world, who, query, json.loads(json.dumps(variables).replace("<it>", each))) as socket:
            message = json.dumps(await socket.hear())
            heard.append(re.sub(r"[0-9a-f]{32}", "<trace>", message).replace(each, "<it>"))
    assert heard[0] == heard[1]
    assert (message_of(heard[0])["type"], message_of(heard[0])["payload"][0]["extensions"]["code"]) == (
        "error",
        "NOTHING_TO_WATCH",
    )


def message_of(text: str) -> dict[str, Any]:
    message: dict[str, Any] = json.loads(text)
    return message


async def test_members_hear_of_changes_until_they_are_removed(world: World) -> None:
    application = await world.application()
    asked = {"it": application["id"]}
    async with watching(world, "spare", CHANGED, asked) as spare, watching(world, "observer", CHANGED, asked) as observer:
        subscription_id = await world.subscription(application["id"])
        for socket in (spare, observer):
            seen = (await socket.hear())["payload"]["data"]["subscriptionChanged"]
            assert (seen["id"], seen["applicant"]["clientId"]) == (subscription_id, application["clientId"])
        removed = {"organizationId": world.ids["organization"], "userId": world.ids["user_spare"]}
        await world.make("owner", "removeMember", "... on RemovedMember { userId }", **removed)
        await until_stranger(world, "spare")
        await world.make("owner", "cancelSubscription", "... on Subscription { id }", subscriptionId=subscription_id)
        while (await observer.hear())["payload"]["data"]["subscriptionChanged"]["status"] != "CANCELLED":
            pass
        last = await spare_hears(spare)
    await world.join("spare")
    assert "CANCELLED" not in json.dumps(last)


async def spare_hears(socket: Watching) -> list[Any]:
    """Return what comes within a moment."""
    heard = []
    try:
        while True:
            heard.append(await socket.hear(0.3))
    except TimeoutError:
        return heard


async def until_stranger(world: World, who: str) -> None:
    """Wait until the rights of a removed member are forgotten everywhere; that takes an announcement, not ten seconds."""
    asked = {**PERIOD, "organizationId": world.ids["organization"]}
    async with asyncio.timeout(5):
        while (await world.people[who].ask(USAGE, input=asked))["usage"] is not None:  # noqa: ASYNC110 - it is elsewhere
            await asyncio.sleep(0.02)


async def test_a_provider_learns_who_asks_and_nothing_more(world: World) -> None:
    subscription_id = await world.subscription(world.ids["own_application"], "public_plan_by_provider", "stranger")
    renamed = {"applicationId": world.ids["own_application"], "name": "Ebb and flow"}
    await world.make("stranger", "changeApplication", "... on Application { id }", **renamed)
    wanted = {"organizationId": world.ids["own_organization"], "name": "Harbour watch"}
    await world.make("stranger", "renameOrganization", "... on Organization { id }", **wanted)
    own = await world.people["stranger"].ask("query($id: ID!) { application(id: $id) { clientId } }", id=renamed["applicationId"])
    who_asks = {
        "applicationName": "Ebb and flow", "clientId": own["application"]["clientId"], "organizationName": "Harbour watch"
    }  # fmt: skip
    text = """query($id: ID!, $organization: ID!) { subscription(id: $id) { status application { id }
      applicant { applicationName clientId organizationName } } organization(id: $organization) { id } }"""
    asked = {"id": subscription_id, "organization": world.ids["own_organization"]}
    async with asyncio.timeout(5):
        while True:
            seen = await world.people["administrator"].ask(text, **asked)
            if seen["subscription"]["applicant"] == who_asks:
                break
            await asyncio.sleep(0.02)
    assert seen["subscription"] == {"status": "PENDING", "application": None, "applicant": who_asks}
    assert seen["organization"] is None
    reason = {"subscriptionId": subscription_id, "reason": "Not now."}
    await world.make("administrator", "rejectSubscription", "... on Subscription { status }", **reason)
