"""Why calls are refused, asked over HTTP: who is told, that it is what the check answers, and what is kept of past refusals."""

from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from chassis.local import LocalBus
from chassis.service import Service
from services.enforcement.explaining import repository
from services.enforcement.explaining.keeping import Keeping
from services.enforcement.main import build
from services.enforcement.settings import EnforcementSettings
from services.enforcement.state.repository import copies_after
from tests.passports import make_verifier
from tests.services.enforcement.stage import Client, Issuer, Product, Stage, until
from tests.services.stage import Person
from tests.services.stage import Stage as Asking

PROVIDER = "org_provider"


@pytest.fixture
def passports(tmp_path: Path) -> Path:
    make_verifier(tmp_path / "passports")
    return tmp_path / "passports"


@pytest.fixture
async def stage(issuer: Issuer, bus: LocalBus, make_store: Callable[..., Any], passports: Path) -> AsyncIterator[Stage]:
    settings = EnforcementSettings(keys_dir=issuer.folder, data_plane=None)
    service = build(settings, bus, make_store("enforcement"), verifier=make_verifier(passports))
    await service.declare()
    await service.start()
    yield Stage(bus, issuer, service)
    await service.close()


@pytest.fixture
def asking(stage: Stage, passports: Path) -> Asking:
    return Asking(stage.service, passports)


async def ready(stage: Stage, **product: Any) -> tuple[Client, Product]:
    """An application that is subscribed to a product, all of it heard of and kept."""
    client, offered = await stage.application(), await stage.product(**product)
    await stage.subscribe(client, offered)
    await stage.check_until(405, "PATCH", f"{offered.base_path}/pets", client.headers)
    return client, offered


def key(client: Client, product: Product, operation: str = "listPets") -> dict[str, str]:
    return {"application_id": client.application_id, "product_id": product.id, "operation": operation}


async def explained(person: Person, *keys: dict[str, str]) -> list[Any]:
    return (await person.load("access_explanations", list(keys))).rows


async def refused_until(stage: Stage, code: str, target: str, client: Client) -> Any:
    """Call until it is refused so; the answer."""
    headers = {**client.headers, "x-request-id": f"request-{client.application_id}-{code}"}

    async def asked() -> Any:
        answer = await stage.check("GET", target, headers)
        return answer if answer.status_code != 200 and answer.json()["code"] == code else None

    return await until(asked, 60)


async def kept(person: Person, request_id: str) -> Any:
    async def asked() -> Any:
        return (await person.load("refusals_by_request", [request_id])).rows[0]

    return await until(asked, 60)


async def test_what_is_explained_is_what_the_check_answers(stage: Stage, asking: Asking) -> None:
    client, product = await stage.application(), await stage.product(prerequisites=["PERMISSION"])
    subscription_id = await stage.subscribe(client, product)
    await stage.check_until(405, "PATCH", f"{product.base_path}/pets", client.headers)
    member = asking.member(client.organization_id, "OBSERVER")
    target = f"{product.base_path}/pets"

    async def told() -> Any:
        return (await explained(member, key(client, product)))[0]

    steps: list[tuple[str | None, Callable[[], Any]]] = [
        ("OPERATION_NOT_PERMITTED", lambda: stage.permit(client, product, operations=["getPet"])),
        (None, lambda: stage.permit(client, product, permission_id="prm_whole")),
        ("SUBSCRIPTION_SUSPENDED", lambda: stage.subscribe(client, product, "SUSPENDED", subscription_id, causes=["PROVIDER"])),
        ("SECRET_RETIRED", lambda: _retired(stage, client)),
    ]
    for code, step in steps:
        await step()
        if code is None:
            await stage.check_until(200, "GET", target, client.headers)
        else:
            await refused_until(stage, code, target, client)
        seen = await told()
        assert (seen["allowed"], seen["code"]) == (code is None, code)
        assert (seen["failing"] or {}).get("code") == code
        assert [each["link"] for each in seen["links"]][:4] == ["CREDENTIAL", "APPLICATION", "ORGANIZATION", "VERSION"]


async def _retired(stage: Stage, client: Client) -> None:
    ids = {"application_id": client.application_id, "organization_id": client.organization_id, "client_id": client.client_id}
    await stage.announce("identity.secret_retired", client.application_id, secret_id=client.secret_id, **ids)


async def test_an_operation_is_named_by_its_id_or_as_it_is_called(stage: Stage, asking: Asking) -> None:
    client, product = await ready(stage)
    member = asking.member(client.organization_id, "OBSERVER")
    for operation, found, code in (
        ("getPet", "getPet", None),
        ("GET /pets/7", "getPet", None),
        (f"GET {product.base_path}/pets/7?limit=1", "getPet", None),
        ("GET /pets", "listPets", None),
        ("PATCH /pets", None, "METHOD_NOT_ALLOWED"),
        ("GET /nowhere", None, "OPERATION_NOT_FOUND"),
        ("GET /pets/../pets", None, "OPERATION_NOT_FOUND"),
        ("get /pets", None, "OPERATION_NOT_FOUND"),
        ("GET pets", None, "OPERATION_NOT_FOUND"),
    ):
        (seen,) = await explained(member, key(client, product, operation))
        assert (seen["operation_id"], seen["code"]) == (found, code), operation


async def test_who_is_told(stage: Stage, asking: Asking) -> None:
    client, product = await ready(stage)
    asked = key(client, product)

    async def copied() -> bool:
        return any(each.kind == "subscription" for each in await copies_after(stage.service.store.reader(), None))

    await until(copied, 60)
    for role in ("OWNER", "ADMINISTRATOR", "DEVELOPER", "OBSERVER"):
        assert (await explained(asking.member(client.organization_id, role), asked))[0]["allowed"]
        assert (await explained(asking.member(PROVIDER, role), asked))[0]["allowed"]
    for role in ("OPERATOR_ADMINISTRATOR", "SUPPORT"):
        assert (await explained(asking.person(platform_roles=(role,)), asked))[0]["allowed"]
    strangers = [asking.member("org_stranger", "OWNER"), asking.anonymous]
    strangers += [
        asking.person(platform_roles=(role,)) for role in ("ANALYST", "AUDITOR", "BUSINESS_REPRESENTATIVE", "SECURITY_OFFICER")
    ]
    never = {"application_id": "app_never", "product_id": "prd_never", "operation": "listPets"}
    for person in strangers:
        assert await explained(person, asked, never, {**asked, "product_id": "prd_never"}) == [None, None, None]


async def test_a_provider_is_told_of_those_alone_who_asked_it_for_something(stage: Stage, asking: Asking) -> None:
    client, product = await ready(stage)
    other, another = await ready(stage), await stage.product()
    provider, member = asking.member(PROVIDER, "DEVELOPER"), asking.member(client.organization_id, "OWNER")
    await stage.check_until(403, "GET", f"{another.base_path}/pets", other[0].headers)
    asked = key(client, another)
    assert await explained(provider, asked) == [None]
    assert (await explained(member, asked))[0]["code"] == "NOT_SUBSCRIBED"
    # A call is something that was asked for.
    await refused_until(stage, "NOT_SUBSCRIBED", f"{another.base_path}/pets", client)

    async def told() -> Any:
        return (await explained(provider, asked))[0]

    assert (await until(told, 60))["code"] == "NOT_SUBSCRIBED"
    assert (await explained(provider, key(client, product)))[0]["allowed"]


async def test_a_product_that_was_never_published_is_not_told_of(stage: Stage, asking: Asking) -> None:
    client, _ = await ready(stage)
    told = {"slug": "hidden", "title": "Hidden", "sensitivity": "STANDARD", "organization_id": PROVIDER}
    await stage.announce("catalog.product_created", "prd_hidden", product_id="prd_hidden", **told)
    asked = {"application_id": client.application_id, "product_id": "prd_hidden", "operation": "listPets"}
    staff = asking.person(platform_roles=("SUPPORT",))

    async def heard() -> Any:
        return (await explained(staff, asked))[0]

    assert (await until(heard, 60))["code"] == "API_NOT_FOUND"
    assert await explained(asking.member(client.organization_id, "OWNER"), asked) == [None]


@pytest.mark.parametrize(
    "wrong", [{}, {"application_id": "app"}, {"application_id": 7, "product_id": "p", "operation": "o"}, "app", None]
)
async def test_a_question_that_cannot_be_read_is_refused_by_name(asking: Asking, wrong: Any) -> None:
    answer = await asking.member("org_1", "OWNER").load("access_explanations", [wrong])
    assert (answer.status, answer.code) == (422, "INPUT_NOT_USABLE")
    many = await asking.member("org_1", "OWNER").load("access_explanations", [{}] * 51)
    assert many.code == "BODY_NOT_READABLE"


async def test_a_refusal_is_explained_as_it_was_then(stage: Stage, asking: Asking) -> None:
    client, product = await ready(stage, rate_requests=1, rate_seconds=3600, burst=1)
    target = f"{product.base_path}/pets"
    await stage.check_until(200, "GET", target, client.headers)
    answer = await refused_until(stage, "RATE_EXCEEDED", target, client)
    problem = answer.json()
    assert problem["explainable"] is True
    assert problem["type"].endswith("/rate-exceeded")
    member = asking.member(client.organization_id, "OBSERVER")
    # Whatever becomes of it afterwards, what is told is how it stood.
    await stage.plan(product, "plan_changed", rate_requests=9, rate_seconds=1, burst=9)
    await stage.check_until(200, "GET", target, client.headers)
    seen = await kept(member, problem["request_id"])
    assert (seen["allowed"], seen["code"], seen["failing"]["link"]) == (False, "RATE_EXCEEDED", "RATE")
    assert (seen["application_id"], seen["product_id"]) == (client.application_id, product.id)
    assert (seen["operation_id"], seen["request_id"]) == ("listPets", problem["request_id"])
    assert seen["failing"]["until"] is not None
    assert {each["outcome"] for each in seen["links"]} == {"HOLDS", "FAILS", "NOT_NEEDED"}
    strangers = [asking.member("org_stranger", "OWNER"), asking.anonymous, asking.person(platform_roles=("ANALYST",))]
    for person in strangers:
        assert (await person.load("refusals_by_request", [problem["request_id"], "never"])).rows == [None, None]
    for person in (asking.member(PROVIDER, "OBSERVER"), asking.person(platform_roles=("SUPPORT",))):
        assert (await person.load("refusals_by_request", [problem["request_id"]])).rows[0]["code"] == "RATE_EXCEEDED"


async def test_a_call_of_nobody_is_explained_to_provider_and_operator(stage: Stage, asking: Asking) -> None:
    _, product = await ready(stage)
    headers = {"authorization": "Bearer nonsense", "x-request-id": "request-of-nobody"}
    problem = (await stage.check("GET", f"{product.base_path}/pets", headers)).json()
    assert (problem["code"], problem["explainable"]) == ("TOKEN_INVALID", True)
    seen = await kept(asking.member(PROVIDER, "OBSERVER"), "request-of-nobody")
    assert (seen["code"], seen["application_id"]) == ("TOKEN_INVALID", None)
    outcomes = {each["link"]: each["outcome"] for each in seen["links"]}
    assert (outcomes["APPLICATION"], outcomes["OPERATION"], outcomes["RATE"]) == ("NOT_REACHED", "HOLDS", "NOT_REACHED")
    assert "nonsense" not in str(seen)
    await stage.check("GET", "/no/such/api", {**headers, "x-request-id": "request-to-nothing"})
    assert (await kept(asking.person(platform_roles=("SUPPORT",)), "request-to-nothing"))["code"] == "TOKEN_INVALID"
    assert (await asking.member(PROVIDER, "OWNER").load("refusals_by_request", ["request-to-nothing"])).rows == [None]


async def test_a_call_with_a_token_that_has_expired_is_explained_to_those_whose_it_was(stage: Stage, asking: Asking) -> None:
    client, product = await ready(stage)
    token = stage.issuer.token(client.client_id, client.secret_id, iat=1_700_000_000, exp=1_700_000_600)
    headers = {"authorization": f"Bearer {token}", "x-request-id": f"request-{client.client_id}-late"}
    problem = (await stage.check("GET", f"{product.base_path}/pets", headers)).json()
    assert (problem["code"], problem["explainable"]) == ("TOKEN_EXPIRED", True)
    seen = await kept(asking.member(client.organization_id, "DEVELOPER"), headers["x-request-id"])
    assert (seen["code"], seen["application_id"], seen["failing"]["link"]) == (
        "TOKEN_EXPIRED",
        client.application_id,
        "CREDENTIAL",
    )
    assert [each["code"] for each in seen["links"] if each["outcome"] == "FAILS"] == ["TOKEN_EXPIRED"]


async def test_of_many_refusals_some_are_kept_and_the_answers_say_which(stage: Stage, asking: Asking) -> None:
    client, product = await ready(stage)
    other, _ = await ready(stage)
    said: dict[str, bool] = {}
    for number in range(40):
        headers = {**client.headers, "x-request-id": f"request-{client.client_id}-{number:04}"}
        problem = (await stage.check("GET", f"{product.base_path}/nothing", headers)).json()
        said[problem["request_id"]] = problem["explainable"]
    assert 3 <= sum(said.values()) < 40
    # What one application uses up is not taken from another.
    headers = {**other.headers, "x-request-id": f"request-{other.client_id}-one"}
    assert (await stage.check("GET", f"{product.base_path}/nothing", headers)).json()["explainable"] is True
    await stage.worker(Keeping).look()
    rows = (await asking.member(client.organization_id, "OWNER").load("refusals_by_request", list(said))).rows
    assert [row is not None for row in rows] == list(said.values())


@pytest.mark.parametrize("request_id", [None, "", "short", "x" * 129, "a request with spaces", "päringu-number"])
async def test_without_a_request_id_of_ours_nothing_is_kept(stage: Stage, request_id: str | None) -> None:
    headers = {} if request_id is None else {"x-request-id": request_id.encode("utf-8")}
    problem = (await stage.check("GET", "/a/b/v1", headers)).json()  # type: ignore[arg-type]
    assert problem["explainable"] is False


async def test_a_request_id_belongs_to_the_first_refusal_that_had_it(stage: Stage, asking: Asking) -> None:
    client, product = await ready(stage)
    other, elsewhere = await ready(stage)
    headers = {"x-request-id": "request-of-two"}
    keeping, reader = stage.worker(Keeping), stage.service.store.reader()
    await stage.check("GET", f"{product.base_path}/nothing", {**client.headers, **headers})
    await keeping.look()
    await stage.check("GET", f"{elsewhere.base_path}/nothing", {**other.headers, **headers})
    await stage.check("GET", f"{elsewhere.base_path}/nothing", {**other.headers, "x-request-id": "request-beside"})
    await keeping.look()
    found = await repository.find(reader, ["request-of-two", "request-beside"])
    assert {key: each.application_id for key, each in found.items()} == {
        "request-of-two": client.application_id,
        "request-beside": other.application_id,
    }
    assert (await asking.member(other.organization_id, "OWNER").load("refusals_by_request", ["request-of-two"])).rows == [None]


async def test_what_waits_is_written_at_the_end_and_is_there_after_a_restart(
    bus: LocalBus, issuer: Issuer, make_store: Callable[..., Any], passports: Path
) -> None:
    store = make_store("enforcement")
    settings = EnforcementSettings(keys_dir=issuer.folder, data_plane=None)

    def built() -> Service:
        return build(settings, bus, store, verifier=make_verifier(passports))

    service = built()
    await service.declare()
    await service.start()
    stage = Stage(bus, issuer, service)
    client, product = await ready(stage)
    await stage.check("GET", f"{product.base_path}/nothing", {**client.headers, "x-request-id": "request-at-the-end"})
    await service.close()
    row = await store.reader().collection("refusals").find_one({"_id": "request-at-the-end"})
    assert row["expires_at"].timestamp() == pytest.approx(row["at_ns"] / 1e9 + 7 * 86_400, abs=1)
    again = built()
    member = Asking(again, passports).member(client.organization_id, "OBSERVER")
    assert (await member.load("refusals_by_request", ["request-at-the-end"])).rows[0]["code"] == "OPERATION_NOT_FOUND"
    # What calls hang on now is not known before the copies are loaded.
    early = await member.load("access_explanations", [key(client, product)])
    assert (early.status, early.code) == (503, "STATE_NOT_LOADED")
