"""Importing a document from its address, and what is kept of where it came from."""

import asyncio
import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson
import pytest

from chassis.local import LocalBus
from services.catalog.main import build, build_sandbox
from services.catalog.settings import CatalogSettings
from tests.passports import make_verifier
from tests.services.catalog.loopback import Served, answer, redirect, served
from tests.services.catalog.stage import OTHER, PATIENT, PROVIDER, Stage, created, small

TEXT = orjson.dumps(small()).decode()


@pytest.fixture
async def stage_with(reused_store: Callable[..., Any], bus: LocalBus, tmp_path: Path) -> Callable[..., Any]:
    """Make the catalogue with a provider, that may fetch from these servers of loopback."""

    async def make(*servers: Served, **more: Any) -> Stage:
        ports = ",".join(str(each.port) for each in servers)
        given: dict[str, Any] = {**PATIENT, "document_url_ports": ports, "document_url_insecure": True}
        given |= {"document_url_networks": "127.0.0.1/32", **more}
        settings, store = CatalogSettings(**given), reused_store("catalog")
        service = build(settings, bus, store, make_verifier(tmp_path / "keys"))
        await service.declare()
        stage = Stage(service, build_sandbox(settings, store), tmp_path / "keys")
        await stage.hear(created(PROVIDER, "Agency"), created(OTHER, "Others"))
        await stage.operator.do("grant_provider_standing", organization_id=PROVIDER)
        return stage

    return make


async def test_a_document_is_imported_from_its_address_and_members_see_from_where(stage_with: Callable[..., Any]) -> None:
    async with served(redirect("/v1.json"), answer(TEXT.encode(), 'ETag: W/"7"')) as server:
        stage = await stage_with(server)
        product = await stage.product()
        url = f"http://127.0.0.1:{server.port}/latest?of=accounts"
        imported = (await stage.provider.do("import_api", product_id=product["id"], url=url)).result
    version_id = imported["version"]["id"]
    assert imported["operations"] == 2
    assert (await stage.provider.load("documents_by_version", [version_id])).rows[0]["text"] == TEXT
    (source,) = (await stage.member(PROVIDER, "OBSERVER").load("sources_by_version", [version_id])).rows
    assert source.pop("fetched_at").endswith("Z")
    assert source == {"url": url, "etag": 'W/"7"', "sha256": hashlib.sha256(TEXT.encode()).hexdigest()}
    await stage.provider.do(
        "create_plan", product_id=product["id"], name="P", rate_requests=1, rate_seconds=1, approval="AUTOMATIC"
    )
    await stage.provider.do("publish_version", version_id=version_id)
    for person in (stage.anonymous, stage.stranger, stage.operator):
        assert (await person.load("sources_by_version", [version_id, "ver_none"])).rows == [None, None]
    assert url not in str(await stage.announced())


async def test_of_a_document_that_was_handed_in_the_hash_is_kept(stage: Stage) -> None:
    version = (await stage.draft((await stage.product())["id"], TEXT))["version"]
    (source,) = (await stage.provider.load("sources_by_version", [version["id"]])).rows
    assert source == {"url": None, "etag": None, "fetched_at": None, "sha256": hashlib.sha256(TEXT.encode()).hexdigest()}
    assert (await stage.provider.load("originals_by_version", [version["id"]])).rows == [None]


@pytest.mark.parametrize("given", [{}, {"document": TEXT, "url": "https://spec.example/"}, {"document": None, "url": None}])
async def test_a_document_or_its_address_is_given_and_not_both(stage: Stage, given: dict[str, Any]) -> None:
    answered = await stage.provider.do("import_api", product_id=(await stage.product())["id"], **given)
    assert (answered.status, answered.code) == (422, "DOCUMENT_OR_URL")
    assert [each["field"] for each in answered.body["fields"]] == ["document", "url"]


@pytest.mark.parametrize(
    "url", ["http://spec.example/", "https://127.0.0.1/", "https://a:b@spec.example/", "https://2130706433/", ""]
)
async def test_addresses_that_are_not_asked(stage: Stage, url: str) -> None:
    answered = await stage.provider.do("import_api", product_id=(await stage.product())["id"], url=url)
    assert (answered.status, answered.code) == (422, "DOCUMENT_URL_NOT_ALLOWED")
    assert [each["field"] for each in answered.body["fields"]] == ["url"]
    assert "127.0.0.1" not in str(answered.body)


async def test_who_may_not_import_is_told_so_and_nothing_is_fetched(stage_with: Callable[..., Any]) -> None:
    async with served(answer(TEXT.encode())) as server:
        stage = await stage_with(server)
        product = await stage.product()
        body = {"product_id": product["id"], "url": f"http://127.0.0.1:{server.port}/"}
        assert (await stage.stranger.do("import_api", **body)).code == "NOT_FOUND"
        assert (await stage.member(PROVIDER, "OBSERVER").do("import_api", **body)).code == "ROLE_NOT_ALLOWED"
        assert (await stage.anonymous.do("import_api", **body)).code == "SIGN_IN_FIRST"
        assert (await stage.stranger.do("import_api", **{**body, "url": "https://127.0.0.1/"})).code == "NOT_FOUND"
    assert server.asked == []


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"secret: {", "DOCUMENT_NOT_READABLE"),
        (b'{"secret": 1, "secret": 2}', "DOCUMENT_NOT_READABLE"),
        (b"<html>secret</html>", "DOCUMENT_NOT_VALID"),
        (b"secret", "DOCUMENT_NOT_VALID"),
        (b"secret: word", "DOCUMENT_NOT_VALID"),
        (b"", "DOCUMENT_NOT_READABLE"),
        (b"a" * 3000, "DOCUMENT_TOO_LARGE"),
    ],
)
async def test_nothing_is_told_of_what_is_no_document(stage_with: Callable[..., Any], body: bytes, code: str) -> None:
    async with served(answer(body)) as server:
        stage = await stage_with(server, document_max_bytes=2000)
        product = await stage.product()
        answered = await stage.provider.do("import_api", product_id=product["id"], url=f"http://127.0.0.1:{server.port}/")
    assert answered.code == code
    assert "secret" not in str(answered.body)
    assert (await stage.provider.load("products_by_id", [product["id"]])).rows == [product]


async def test_two_imports_from_an_address_at_the_same_moment_give_one_version(stage_with: Callable[..., Any]) -> None:
    async with served(answer(TEXT.encode())) as server:
        stage = await stage_with(server)
        product_id, url = (await stage.product())["id"], f"http://127.0.0.1:{server.port}/"
        answers = await asyncio.gather(*(stage.provider.do("import_api", product_id=product_id, url=url) for _ in range(2)))
    assert sorted(each.status for each in answers) == [200, 409]


@pytest.mark.parametrize(
    "given", [{"document_url_ports": ""}, {"document_url_ports": "x"}, {"document_url_networks": "10.0.0.1/8"}]
)
def test_settings_that_cannot_be_meant_are_refused(given: dict[str, str]) -> None:
    with pytest.raises(ValueError, match="1 validation error"):
        CatalogSettings(**given)  # type: ignore[arg-type]
