"""`make up`, then `make journey`: the whole of procedure B on one process, and what a user expects of the command."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from portico.foreign import Graph
from tests.journeys.running import RunningPlatform, children_of, client, new_platform, run_command, until_ended

pytestmark = pytest.mark.processes


@pytest.fixture(scope="module")
async def platform(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[RunningPlatform]:
    running = new_platform(tmp_path_factory.mktemp("up"))
    await running.start()
    yield running
    await running.stop()


@pytest.mark.parametrize(("journey", "steps"), [("standard", 10), ("procedure-a", 9), ("confidential", 10)])
async def test_each_journey_ends_well(platform: RunningPlatform, journey: str, steps: int) -> None:
    code, output = await run_command(platform, "journey", journey)
    assert code == 0, output
    assert output.count("✓") == steps


async def test_the_journey_shows_the_documents_it_sends_and_no_secret(platform: RunningPlatform) -> None:
    code, output = await run_command(platform, "journey", "standard", "--show")
    assert code == 0, output
    assert "mutation($input: CreateApplicationInput!)" in output
    assert "pcs_" not in output
    assert "pts_" not in output


TRIED = """... on Trial { rejection countedAs response { status body } requestVerdict { outcome } responseVerdict { outcome note }
  explanation { code failing { link menders { side verb } } } }"""


async def test_a_trial_is_refused_with_the_reason_until_the_application_is_subscribed(platform: RunningPlatform) -> None:
    async with client() as http:
        graph = Graph(http, f"{platform.gateway}/graphql")
        await graph.sign_in(platform.place.provider_email, platform.place.provider_password)
        organization = await graph.do("createOrganization", "... on Organization { id }", name="Tried")
        selection = "... on CreatedApplication { application { id } }"
        made = await graph.do("createApplication", selection, organizationId=organization["id"], name="Tried")
        application = made["application"]["id"]
        text = '{ product(slug: "addresses") { id plans { id } apis { versions { id status } } } }'
        product = (await graph.ask(text))["product"]
        version = next(each for api in product["apis"] for each in api["versions"] if each["status"] == "PUBLISHED")
        of = {"applicationId": application, "versionId": version["id"], "operationId": "getAddress"}
        wanted = {**of, "parameters": [{"name": "code", "value": "101234567"}]}
        refused = await graph.do("tryOperation", TRIED, **wanted)
        assert (refused["response"]["status"], refused["rejection"], refused["countedAs"]) == (403, "NOT_SUBSCRIBED", "REFUSED")
        assert refused["responseVerdict"]["outcome"] == "NOT_JUDGED"
        assert refused["explanation"] == {
            "code": "NOT_SUBSCRIBED",
            "failing": {"link": "SUBSCRIPTION", "menders": [{"side": "RECIPIENT", "verb": "subscribe"}]},
        }
        subscribed = {"applicationId": application, "productId": product["id"], "planId": product["plans"][0]["id"]}
        await graph.do("subscribe", "... on Subscription { id }", **subscribed)
        give_up_at = asyncio.get_running_loop().time() + 60
        while (trial := await graph.do("tryOperation", TRIED, **wanted))["rejection"] == "NOT_SUBSCRIBED":
            assert asyncio.get_running_loop().time() < give_up_at
        assert (trial["response"]["status"], trial["rejection"], trial["explanation"]) == (200, None, None)
        assert (trial["requestVerdict"]["outcome"], trial["responseVerdict"]["outcome"]) == ("CONFORMS", "CONFORMS")


async def test_every_address_that_is_printed_answers(platform: RunningPlatform) -> None:
    printed = platform.output.read_text()
    async with client() as http:
        for path in ("/graphql", "/.well-known/oauth-authorization-server", "/.well-known/jwks.json"):
            assert f"{platform.gateway}{path}" in printed
        page = await http.get(f"{platform.gateway}/graphql", headers={"accept": "text/html"})
        assert (page.status_code, "graphiql" in page.text.lower()) == (200, True)
        metadata = (await http.get(f"{platform.gateway}/.well-known/oauth-authorization-server")).json()
        assert metadata["token_endpoint"] == f"{platform.gateway}/oauth/token"
        assert (await http.get(metadata["jwks_uri"])).json()["keys"]
        assert (await http.get(f"{platform.gateway}/health/live")).status_code == 200
        assert (await http.get(f"{platform.gateway}/health/ready")).json()["status"] == "ready"
        assert "portico_requests" in (await http.get(f"{platform.gateway}/metrics")).text
        assert (await http.get(platform.place.mailbox)).status_code == 200


async def test_a_second_one_on_the_same_folder_is_refused_in_one_sentence(platform: RunningPlatform) -> None:
    code, output = await run_command(platform, "up")
    assert code == 2
    assert len(output.strip().splitlines()) == 1, output
    assert "Traceback" not in output


async def test_a_busy_port_is_told_with_the_mend(platform: RunningPlatform, tmp_path_factory: pytest.TempPathFactory) -> None:
    other = new_platform(tmp_path_factory.mktemp("busy"))
    other.gateway_port = platform.gateway_port
    code, output = await run_command(other, "up")
    assert code == 2
    assert str(platform.gateway_port) in output
    assert "PORTICO_GATEWAY_PORT" in output
    assert len(output.strip().splitlines()) == 1, output


async def test_interrupting_it_leaves_no_child_and_a_restart_keeps_everything(tmp_path_factory: pytest.TempPathFactory) -> None:
    platform = new_platform(tmp_path_factory.mktemp("restart"))
    await platform.start()
    assert platform.process is not None
    children = children_of(platform.process.pid)
    assert len(children) >= 2
    async with client() as http:
        graph = Graph(http, f"{platform.gateway}/graphql")
        await graph.sign_in(platform.place.provider_email, platform.place.provider_password)
        organization = await graph.do("createOrganization", "... on Organization { id }", name="Kept")
        before = await graph.ask("{ products { totalCount } }")
    assert await platform.stop() in (0, 130)
    await until_ended(children, 5)

    await platform.start()
    async with client() as http:
        graph = Graph(http, f"{platform.gateway}/graphql")
        await graph.sign_in(platform.place.provider_email, platform.place.provider_password)
        kept = await graph.ask("query($id: ID!) { organization(id: $id) { name } }", id=organization["id"])
        products = await graph.ask("{ products { totalCount } }")
    assert kept["organization"]["name"] == "Kept"
    assert products == before
    await platform.stop()
