"""The pages of development: served by the gateway itself, and not in production."""

import re
from pathlib import Path
from typing import Any

import pytest

from graphql_gateway.pages.graphiql import FILES
from graphql_gateway.pages.links import PATHS, THINGS
from services.identity.mail import letters
from services.notifications.notices.actions import PREFERENCES_PATH
from services.notifications.notices.table import PLACES

HTML = {"accept": "text/html"}
LETTERS = Path(letters.__file__).with_name("letters")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with something in the place of GraphiQL's files."""
    for name in FILES:
        (tmp_path / name).write_text(f"content of {name}")
    (tmp_path / "secret.txt").write_text("not of GraphiQL")
    return tmp_path


async def test_graphiql_loads_its_files_from_the_gateway(start_gateway: Any, folder: Path) -> None:
    async with start_gateway(development=True, graphiql_dir=folder) as running:
        page = await running.http.get("/graphql", headers=HTML)
        assert "<title>Portico</title>" in page.text
        assert not re.search(r"""(src|href)=["']?(https?:)?//""", page.text)
        assert "{{" not in page.text
        addresses = re.findall(r'(?:src|href)="(/graphiql/[^"]+)"', page.text)
        assert len(addresses) == len(FILES)
        for address in addresses:
            file = await running.http.get(address)
            name = address.partition("?")[0].rpartition("/")[2]
            assert file.text == f"content of {name}"
            assert file.headers["content-type"].partition(";")[0] == FILES[name]
            assert file.headers["x-content-type-options"] == "nosniff"
            assert file.headers["cache-control"] == "public, max-age=31536000, immutable"


async def test_only_the_address_of_the_content_is_kept_for_ever(start_gateway: Any, folder: Path) -> None:
    async with start_gateway(development=True, graphiql_dir=folder) as running:
        before = (await running.http.get("/graphql", headers=HTML)).text
        assert (await running.http.get("/graphiql/graphiql.min.js")).headers["cache-control"] == "no-cache"
        (folder / "graphiql.min.js").write_text("another release")
        assert (await running.http.get("/graphql", headers=HTML)).text != before


@pytest.mark.parametrize("name", ["secret.txt", "..%2fsecret.txt", "%2e%2e/secret.txt", ""])
async def test_nothing_else_of_the_folder_is_served(start_gateway: Any, folder: Path, name: str) -> None:
    async with start_gateway(development=True, graphiql_dir=folder) as running:
        assert (await running.http.get(f"/graphiql/{name}")).status_code == 404


async def test_without_the_files_a_page_says_how_to_go_on(start_gateway: Any, tmp_path: Path) -> None:
    async with start_gateway(development=True, graphiql_dir=tmp_path / "nowhere") as running:
        page = await running.http.get("/graphql", headers=HTML)
        assert page.status_code == 200
        assert "make graphiql" in page.text
        assert "curl" in page.text
        assert "/graphiql/" not in page.text
        assert (await running.http.get("/graphiql/graphiql.min.js")).status_code == 404


async def test_policies_allow_what_stands_in_the_page_alone(start_gateway: Any, folder: Path) -> None:
    async with start_gateway(development=True, graphiql_dir=folder) as running:
        for path in ("/graphql", *PATHS):
            headers = (await running.http.get(path, headers=HTML)).headers
            policy = dict(each.strip().split(" ", 1) for each in headers["content-security-policy"].split(";"))
            assert policy["default-src"] == "'none'"
            assert "'unsafe-inline'" not in policy["script-src"]
            assert "'unsafe-eval'" not in policy["script-src"]
            assert policy["frame-ancestors"] == "'none'"
            assert headers["referrer-policy"] == "no-referrer"
            assert headers["cache-control"] == "no-cache"


@pytest.mark.parametrize("path", [*PATHS, *(f"/{each}/abc_1" for each in THINGS)])
async def test_the_links_in_mails_lead_to_one_static_page(start_gateway: Any, path: str) -> None:
    async with start_gateway(development=True) as running:
        page = await running.http.get(path)
        assert page.status_code == 200
        assert page.headers["content-type"] == "text/html; charset=utf-8"
        assert not re.search(r"""(src|href)=["']?(https?:|/)""", page.text)
        assert "set-cookie" not in page.headers
        assert not [each for each in running.world.asked if each.path != "/do/issue_visitor_passport"]


def test_every_link_in_a_mail_has_its_page() -> None:
    texts = [path.read_text("utf-8") for path in LETTERS.glob("*.txt")]
    assert texts
    links = {link for text in texts for link in re.findall(r"\{\{ portal_url \}\}([\w/-]+)", text)}
    assert {*links, PREFERENCES_PATH} <= set(PATHS)
    assert set(PLACES) == set(THINGS)


@pytest.mark.parametrize("path", [*PATHS, "/graphiql/graphiql.min.js"])
async def test_there_are_no_pages_in_production(start_gateway: Any, folder: Path, path: str) -> None:
    async with start_gateway(graphiql_dir=folder) as running:
        assert (await running.http.get(path, headers=HTML)).status_code == 404
        assert (await running.http.get("/graphql", headers=HTML)).status_code == 406
