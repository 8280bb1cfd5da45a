"""What an organization has does not exist for strangers: the graph answers them as for ids that do not exist."""

import asyncio
import json
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from websockets.asyncio.client import connect

from tests.journeys.tried import CODES, FOREIGN, OPEN, OWN
from tests.journeys.two_organizations import PERIOD, World, absent_for, filled

PROBLEM = "... on Problem { code message fields { field message } retryAfterSeconds traceId }"
FIGURES = "totals { calls } series { start calls } groups { key label calls }"


KINDS = (
    *("organization", "application", "product", "plan", "version", "version_beside", "subscription", "permission"),
    *("connection_request", "agreement", "notice", "support_request", "webhook", "campaign", "item"),
    *("api", "membership", "invitation", "secret", "user"),
)
USAGE = f"query($input: UsageInput!) {{ usage(input: $input) {{ {FIGURES} }} }}"
_OF_APPLICATION = f"""id name clientId secrets {{ hint }} subscriptions {{ totalCount }}
  permissions {{ totalCount }} usage(input: $period) {{ {FIGURES} }}"""
_OF_ORGANIZATION = f"""id name members {{ nodes {{ user {{ email }} }} }} invitations {{ nodes {{ email }} }}
  owner {{ email }} isProvider webhooks {{ id url }}
  connectionRequests {{ totalCount nodes {{ id }} }} connectionRequestsAsProvider {{ totalCount nodes {{ id }} }}
  agreements {{ totalCount nodes {{ id }} }}
  applications {{ nodes {{ id }} }} subscriptionRequests {{ nodes {{ id }} }} permissionsAsProvider {{ nodes {{ id }} }}
  subscriptionsAsProvider {{ nodes {{ id }} }} products {{ nodes {{ id }} }}
  supportRequests {{ totalCount nodes {{ id }} }} supportRequestsAsProvider {{ totalCount nodes {{ id }} }}
  campaigns {{ totalCount nodes {{ id }} }} recertification {{ totalCount nodes {{ id }} }}
  usage(input: $period) {{ {FIGURES} }} audit {{ totalCount nodes {{ verb }} }}"""
_OF_PRODUCT = "id title plans { id name } apis { id title versions { id status operations { path } document { text } } }"

_OF_CONNECTION = (
    "id status form { purpose } documents { id } approval { id } decisions { reason } timeline { status } product { id }"
)

# ---- What strangers ask: (the thing in question, the document, its variables beside the period). Each answer is null.
ASKED: list[tuple[str, str, dict[str, Any]]] = [
    ("organization", f"organization(id: $it) {{ {_OF_ORGANIZATION} }}", {}),
    ("application", f"application(id: $it) {{ {_OF_APPLICATION} }}", {}),
    ("certificate", "certificate(id: $it) { id thumbprint }", {}),
    (
        "subscription",
        "subscription(id: $it) { id status holds { cause } planChange { planId } applicant { clientId } quota { used } }",
        {},
    ),
    ("connection_request", f"connectionRequest(id: $it) {{ {_OF_CONNECTION} }}", {}),
    ("support_request", "supportRequest(id: $it) { id subject messages { nodes { text } } topic { thingId } }", {}),
    (
        "campaign",
        "campaign(id: $it) { id title dueAt counts { total } reports { id } items { totalCount nodes { id subjectId } } }",
        {},
    ),
    (
        "application",
        'explainAccess(applicationId: $it, productId: $offered, operation: "tides") { code application { id } }',
        {},
    ),
    ("product", 'explainAccess(applicationId: $own, productId: $it, operation: "tides") { code product { id } }', {}),
    ("slug", "explainRefusal(requestId: $slug) { code links { outcome } }", {}),
    ("slug", f"product(slug: $slug) {{ {_OF_PRODUCT} }}", {}),
    *((name, "compareVersions(from: $public, to: $it) { isBreaking }", {}) for name in ("version", "version_beside")),
    ("version_beside", "compareVersions(from: $it, to: $public) { isBreaking }", {}),
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


@pytest.mark.parametrize(("verb", "name", "values"), FOREIGN, ids=[f"{verb}-{name}" for verb, name, _ in FOREIGN])
async def test_what_a_stranger_does_is_refused_as_for_what_does_not_exist(
    world: World, verb: str, name: str, values: dict[str, Any]
) -> None:
    text = f"mutation($input: {verb[0].upper()}{verb[1:]}Input!) {{ {verb}(input: $input) {{ __typename {PROBLEM} }} }}"
    foreign, absent = await world.told(
        "stranger", text, world.ids[name], absent_for(world, name), input=filled(world, values, name)
    )
    assert foreign == absent
    code = json.loads(foreign[2])["data"][verb]["code"]
    assert code == CODES.get(verb, "NO_SUCH_MEMBER" if name == "user" else "NOT_FOUND")

    anonymous, _ = await world.told("nobody", text, world.ids[name], absent_for(world, name), input=filled(world, values, name))
    assert json.loads(anonymous[2])["data"][verb]["code"] == "SIGN_IN_FIRST"


@pytest.mark.parametrize(("verb", "given"), OWN, ids=[verb for verb, _ in OWN])
async def test_nobody_has_anything_of_their_own(world: World, verb: str, given: dict[str, Any] | None) -> None:
    head, call = (f"($input: {verb[0].upper()}{verb[1:]}Input!)", "(input: $input)") if given is not None else ("", "")
    text = f"mutation{head} {{ {verb}{call} {{ __typename {PROBLEM} }} }}"
    answer = await world.people["nobody"].ask(text, **({"input": given} if given is not None else {}))
    assert answer[verb]["code"] == "SIGN_IN_FIRST"


@pytest.mark.parametrize("who", ["stranger", "nobody"])
@pytest.mark.parametrize(("name", "fields", "more"), ASKED, ids=[f"{fields.split('(')[0]}-{name}" for name, fields, _ in ASKED])
async def test_what_a_stranger_asks_is_null_as_for_what_does_not_exist(
    world: World, who: str, name: str, fields: str, more: dict[str, Any]
) -> None:
    declared = {"it": "ID!", "public": "ID!", "offered": "ID!", "own": "ID!"}
    declared |= {"slug": "String!", "period": "UsageInput!", "usage": "UsageInput!"}
    given = {"it": "<it>", "public": world.ids["public_version"], "slug": "<it>", "period": PERIOD}
    given |= {"offered": world.ids["public_product"], "own": world.ids["own_application"]}
    given["usage"] = {**PERIOD, **more.get("usage", {})}
    used = [each for each in declared if f"${each}" in fields]
    text = f"query({', '.join(f'${each}: {declared[each]}' for each in used)}) {{ {fields} }}"
    variables = {each: given[each] for each in used}
    foreign, absent = await world.told(who, text, world.ids[name], absent_for(world, name), **variables)
    assert foreign == absent
    assert json.loads(foreign[2]) == {"data": {fields.partition("(")[0]: None}}


SIDEWAYS: list[tuple[str, str, dict[str, Any]]] = [
    ("word", "query($text: String!) { products(search: $text) { totalCount nodes { id } } }", {"text": "<it>"}),
    ("word", "query($text: String!) { productFacets(search: $text) { total tags { tag } } }", {"text": "<it>"}),
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
    verbs = {each["name"] for each in shown["__schema"]["mutationType"]["fields"]}
    tried = {verb for verb, *_ in FOREIGN} | {verb for verb, _ in OWN} | OPEN
    assert verbs - tried == set(), "give each its line in tests/journeys/tried.py"
    assert tried - verbs == set(), "take these out of tests/journeys/tried.py"
    asked = {fields.split("(")[0] for _, fields, _ in ASKED}
    asked |= {"viewer", "products", "productFacets", "categories", "guidance", "openIdProviders", "operator"}
    asked |= {"webhookEventTypes"}
    assert {each["name"] for each in shown["__schema"]["queryType"]["fields"]} == asked


WAY = "requires(%s: $of) { kind state verb thingId reason } nextStep(%s: $of) { kind state verb thingId reason }"


@pytest.mark.parametrize("who", ["stranger", "nobody"])
@pytest.mark.parametrize(("name", "argument"), [("application", "applicationId"), ("organization", "organizationId")])
async def test_what_stands_in_the_way_of_others_is_not_told(world: World, who: str, name: str, argument: str) -> None:
    text = f"query($slug: String!, $of: ID!) {{ product(slug: $slug) {{ {WAY % (argument, argument)} }} }}"
    given = {"slug": world.ids["public_slug"], "of": "<it>"}
    foreign, absent = await world.told(who, text, world.ids[name], absent_for(world, name), **given)
    assert foreign == absent
    assert json.loads(foreign[2]) == {"data": {"product": {"requires": None, "nextStep": None}}}
    seen = await world.people["observer"].ask(text, slug=world.ids["public_slug"], of=world.ids[name])
    assert seen["product"]["nextStep"]["kind"] == ("CALL" if name == "application" else "SUBSCRIPTION")


async def test_nobody_is_told_the_whole_way_from_signing_in_to_the_call(world: World) -> None:
    text = "query($slug: String!) { product(slug: $slug) { requires { kind state } nextStep { kind verb } } }"
    seen = (await world.people["nobody"].ask(text, slug=world.ids["public_slug"]))["product"]
    assert [each["kind"] for each in seen["requires"]] == ["SIGN_IN", "APPLICATION", "SUBSCRIPTION", "CALL"]
    assert seen["nextStep"] == {"kind": "SIGN_IN", "verb": "signIn"}


CHANGED = "subscription($it: ID!) { subscriptionChanged(applicationId: $it) { id status applicant { clientId } } }"
TICKED = f"subscription($usage: UsageInput!) {{ usageTicked(input: $usage) {{ {FIGURES} }} }}"
HELPED = "subscription($it: ID!) { supportRequestChanged(requestId: $it) { id status } }"
WATCHED: list[tuple[str, str, dict[str, Any]]] = [
    ("application", CHANGED, {"it": "<it>"}),
    ("support_request", HELPED, {"it": "<it>"}),
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


@pytest.fixture
async def a_spare_member(world: World) -> AsyncIterator[None]:
    """Somebody who can be removed, and is a member again afterwards whatever came of it."""
    yield
    seen = await world.people["spare"].ask("query($id: ID!) { organization(id: $id) { id } }", id=world.ids["organization"])
    if seen["organization"] is None:
        await world.join("spare")


@pytest.mark.usefixtures("a_spare_member")
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
        await until_stranger(world, "spare", subscription_id)
        await world.make("owner", "cancelSubscription", "... on Subscription { id }", subscriptionId=subscription_id)
        while (await observer.hear())["payload"]["data"]["subscriptionChanged"]["status"] != "CANCELLED":
            pass
        last = await spare_hears(spare)
    assert "CANCELLED" not in json.dumps(last)


async def spare_hears(socket: Watching) -> list[Any]:
    """Return what comes within a moment."""
    heard = []
    try:
        while True:
            heard.append(await socket.hear(0.3))
    except TimeoutError:
        return heard


async def until_stranger(world: World, who: str, subscription_id: str) -> None:
    """Wait until the rights of a removed member are forgotten there, too; that takes an announcement, not ten seconds."""
    text = "query($id: ID!) { subscription(id: $id) { id } }"
    async with asyncio.timeout(9):
        while (await world.people[who].ask(text, id=subscription_id))["subscription"] is not None:  # noqa: ASYNC110 - it is elsewhere
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
