"""`make up`, then `make journey`: the whole of procedure B on one process, and what a user expects of the command."""

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
