"""Questions: one call a service and level, with the asker's own rights, shaped as GraphQL says."""

from typing import Any

PAGE = """
query Page($id: ID!) {
  viewer { user { id email } memberships { role organization { id name } } can(action: SUBSCRIBE, on: $id) { allowed reason } }
  organization(id: $id) {
    id name isProvider
    members(first: 10) { totalCount nodes { role user { id name } } }
    applications(first: 20) {
      pageInfo { hasNextPage endCursor }
      edges { cursor node { id name secrets { hint } subscriptions { nodes { id status
        product { id slug apis { versions { label } } } plan { name quotaCalls } } } } }
    }
  }
}
"""


async def test_a_page_is_one_call_for_each_load_and_level(running: Any) -> None:
    answer = await running.ask(PAGE, id="org_ann")
    assert "errors" not in answer
    organization = answer["data"]["organization"]
    assert organization["isProvider"] is False
    assert organization["members"] == {"totalCount": 1, "nodes": [{"role": "OWNER", "user": {"id": "usr_ann", "name": "Ann"}}]}
    edges = organization["applications"]["edges"]
    assert [edge["node"]["id"] for edge in edges] == ["app_1", "app_2", "app_3"]
    assert edges[0]["node"]["subscriptions"]["nodes"][0]["plan"] == {"name": "pln_free", "quotaCalls": 5_000_000_000}
    assert answer["data"]["viewer"]["can"] == {"allowed": True, "reason": None}
    loads = dict(running.world.loads_asked())
    assert len(running.world.loads_asked()) == len(loads), "every load is asked once"
    assert loads["subscriptions/load/subscriptions_by_application"] == 3
    assert loads["catalog/load/products_by_id"] == 1, "six subscriptions, one product, one key"
    assert "identity/load/users_by_id" not in loads, "what a row carries already is not asked again"


async def test_the_order_of_fields_is_the_documents(running: Any) -> None:
    answer = await running.ask('{ b: __typename product(slug: "cards") { title id } a: __typename }')
    assert list(answer["data"]) == ["b", "product", "a"]
    assert list(answer["data"]["product"]) == ["title", "id"]


async def test_a_stranger_and_nobody_are_told_the_same_as_for_what_is_not_there(running: Any) -> None:
    document = 'query($id: ID!) { organization(id: $id) { id } application(id: "app_4") { id } node(id: $id) { id } }'
    strange = await running.ask(document, id="org_bob")
    absent = await running.ask(document, id="org_nothing")
    nobody = await running.ask(document, token=None, id="org_bob")
    assert strange == absent == nobody == {"data": {"organization": None, "application": None, "node": None}}
    assert all(each.user is None for each in running.world.asked[-2:])


async def test_a_visitor_searches_the_catalogue(running: Any) -> None:
    document = (
        '{ viewer { user { id } } products(search: "cards", first: 1) { totalCount nodes { title provider { id name } } } }'
    )
    answer = await running.ask(document, token=None)
    assert answer == {
        "data": {
            "viewer": None,
            "products": {"totalCount": 1, "nodes": [{"title": "Prd_Cards", "provider": {"id": "org_bank", "name": "Bank"}}]},
        }
    }


async def test_pages_follow_each_other_by_cursor(running: Any) -> None:
    document = "query($after: String) { products(first: 2, after: $after) { nodes { id } pageInfo { hasNextPage endCursor } } }"
    first = (await running.ask(document))["data"]["products"]
    rest = (await running.ask(document, after=first["pageInfo"]["endCursor"]))["data"]["products"]
    assert [each["id"] for each in first["nodes"] + rest["nodes"]] == ["prd_accounts", "prd_cards", "prd_payments"]
    assert first["pageInfo"]["hasNextPage"] is True
    assert rest["pageInfo"]["hasNextPage"] is False


async def test_a_filters_fields_travel_as_the_loads_arguments(running: Any) -> None:
    await running.ask('{ products(filter: {sensitivity: OPEN_TEST, tag: "bank"}) { totalCount } }')
    assert running.world.asked[-1].body == {"keys": [None], "args": {"sensitivity": "OPEN_TEST", "tag": "bank", "first": 20}}


async def test_a_node_is_found_by_its_prefix(running: Any) -> None:
    document = """
      query($a: ID!, $b: ID!) {
        a: node(id: $a) { __typename id ... on Application { name } ... on Product { slug } }
        b: node(id: $b) { __typename ...F }
      }
      fragment F on Node { id ... on Product { slug plans { id } } }
    """
    answer = await running.ask(document, a="app_1", b="prd_cards")
    assert answer["data"]["a"] == {"__typename": "Application", "id": "app_1", "name": "Application 1"}
    assert answer["data"]["b"]["slug"] == "cards"
    assert (await running.ask(document, a="xyz_1", b="nothing"))["data"] == {"a": None, "b": None}


async def test_usage_asks_for_the_thing_it_stands_on(running: Any) -> None:
    document = """
      query($input: UsageInput!) {
        organization(id: "org_ann") { usage(input: $input) { asOf completeness method totals { calls latencyP95Ms latencyP99Ms }
          series { start calls } groups { key } } }
        usage(input: {from: "2026-11-01T00:00:00Z", to: "2026-11-02T00:00:00Z", applicationId: "app_1"}) { lagSeconds }
      }
    """
    sent = {
        "from": "2026-11-01T00:00:00Z",
        "to": "2026-11-02T00:00:00+02:00",
        "interval": "HOUR",
        "groupBy": "STATUS",
        "status": 429,
    }
    answer = await running.ask(document, input=sent)
    assert "errors" not in answer
    assert answer["data"]["organization"]["usage"]["totals"]["calls"] == 3_000_000_000
    asked = [each.body for each in running.world.asked if each.path == "/load/usage"]
    assert {"keys": [{"organization_id": "org_ann"}], "args": {
        "from": "2026-11-01T00:00:00Z", "to": "2026-11-02T00:00:00+02:00", "interval": "HOUR", "group_by": "STATUS",
        "time_zone": "UTC", "status": 429,
    }} in asked  # fmt: skip
    assert {"application_id": "app_1"} in [body["keys"][0] for body in asked]


async def test_usage_is_of_the_first_that_is_named_and_narrowed_by_the_others(running: Any) -> None:
    window = '{from: "2026-11-01T00:00:00Z", to: "2026-11-02T00:00:00Z"'
    for more in (
        ', productId: "p", applicationId: "a", organizationId: "org_ann"}',
        ', productId: "p", applicationId: "a"}',
        "}",
    ):
        await running.ask("{ usage(input: " + window + more + ") { completeness } }")
    await running.ask(
        '{ application(id: "app_1") { usage(input: ' + window + ', productId: "p", applicationId: "a"}) { asOf } } }'
    )
    asked = [(each.body["keys"], each.body["args"]) for each in running.world.asked if each.path == "/load/usage"]
    base = {"from": "2026-11-01T00:00:00Z", "to": "2026-11-02T00:00:00Z", "time_zone": "UTC"}
    assert asked == [
        ([{"organization_id": "org_ann"}], base | {"application_id": "a", "product_id": "p"}),
        ([{"application_id": "a"}], base | {"product_id": "p"}),
        ([{"platform": True}], base),
        ([{"application_id": "app_1"}], base | {"product_id": "p"}),
    ]


async def test_a_moment_without_offset_is_refused(running: Any) -> None:
    answer = await running.ask('{ usage(input: {from: "2026-11-01T00:00:00", to: "x"}) { asOf } }')
    assert answer["errors"][0]["extensions"]["code"] == "GRAPHQL_VALIDATION_FAILED"
    assert "offset" in answer["errors"][0]["message"]


async def test_more_keys_than_a_load_takes_are_asked_in_parts(running: Any, world: Any) -> None:
    from tests.gateway.canned import APPLICATIONS

    several = {f"app_{number}": APPLICATIONS["app_1"] | {"id": f"app_{number}"} for number in range(150)}
    row = world.row

    def many(name: str, key: Any, args: Any, user: Any) -> Any:
        if name == "applications_by_organization":
            return {"nodes": list(several.values()), "cursors": [], "next": None, "total": 150}
        return row(name, key, args, user)

    world.row = many
    usage = '{from: "2026-11-01T00:00:00Z", to: "2026-11-02T00:00:00Z"}'
    document = '{ organization(id: "org_ann") { applications { nodes { usage(input: ' + usage + ") { completeness } } } } }"
    answer = await running.ask(document)
    assert len(answer["data"]["organization"]["applications"]["nodes"]) == 150
    assert [count for name, count in world.loads_asked() if name == "analytics/load/usage"] == [100, 50]
