"""How an upstream is found is told to its provider's members: a name that leads nowhere, or where no call may go, or silence."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import orjson
import pytest
from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID

from chassis.calls import AsgiCaller, Call
from chassis.local import LocalBus
from services.enforcement.main import build
from services.enforcement.settings import EnforcementSettings
from services.enforcement.state.upstreams import Upstream as Named
from services.enforcement.upstreams.trying import Attempts, Target
from tests.certificates import Issued, authority, issue
from tests.passports import ROLES, make_passport, make_verifier, make_visitor_passport
from tests.services.enforcement.stage import Issuer, Product, Stage, free_port, until
from tests.services.enforcement.upstream import Upstream

ROOT, STRANGER = authority("Upstreams"), authority("Strangers")


@pytest.fixture
async def here(issuer: Issuer, bus: LocalBus, make_store: Callable[..., Any]) -> AsyncIterator[Stage]:
    """Enforcement where upstreams may be on this machine."""
    settings = EnforcementSettings(keys_dir=issuer.folder, data_plane=None, upstream_loopback=True)
    service = build(settings, bus, make_store("enforcement"), verifier=make_verifier(issuer.folder))
    await service.declare()
    await service.start()
    yield Stage(bus, issuer, service)
    await service.close()


Start = Callable[..., Any]


@pytest.fixture
async def system(tmp_path: Path) -> AsyncIterator[Start]:
    """Start a provider's own system: ``await system()``, or over TLS: ``await system(shown=a_certificate)``."""
    started: list[Upstream] = []

    async def start(shown: Issued | None = None, wants: Issued | None = None) -> str:
        context = None
        if shown is not None:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(*shown.write(tmp_path, shown.hash))
            if wants is not None:
                context.maximum_version = ssl.TLSVersion.TLSv1_2
                context.verify_mode = ssl.CERT_REQUIRED
                context.load_verify_locations(cadata=wants.pem)
        started.append(Upstream(context))
        port = (await started[-1].start()).rpartition(":")[2]
        return f"{'http' if shown is None else 'https'}://localhost:{port}"

    yield start
    for each in started:
        await each.close()


async def ask(stage: Stage, passport: str, keys: list[Any]) -> list[Any]:
    call = Call("enforcement", "/load/upstream_states", orjson.dumps({"keys": keys}), {"portico-passport": passport})
    answer = await AsgiCaller({"enforcement": stage.service.app}).call(call)
    assert answer.status == 200, answer.body
    rows: list[Any] = orjson.loads(answer.body)["rows"]
    return rows


async def served(stage: Stage, url: str, **how: Any) -> tuple[Product, dict[str, str]]:
    product = await stage.product()
    await stage.serve(product, url, **how)
    return product, {"version_id": product.version_id, "url": url}


async def found(stage: Stage, key: dict[str, str]) -> dict[str, Any]:
    """Ask as a member of the provider until it has been looked at."""
    passport = make_passport(stage.issuer.folder, "usr_1", organizations={"org_provider": "OBSERVER"})

    async def told() -> Any:
        return (await ask(stage, passport, [key]))[0]

    state: dict[str, Any] = await until(told, 60)
    return state


async def test_what_answers_has_no_problem(here: Stage, system: Start) -> None:
    url = await system()
    _, key = await served(here, f"{url}/v1")
    state = await found(here, key)
    assert (state["problem"], state["is_allowed"], state["silent_since"]) == (None, True, None)
    assert state["addresses"] >= 1
    assert state["resolved_at"] <= state["tried_at"]


@pytest.mark.parametrize(
    ("url", "problem"),
    [
        ("https://api.zoo.invalid/v1", "NAME_NOT_RESOLVED"),
        ("https://10.0.0.1/v1", "ADDRESS_NOT_ALLOWED"),
        ("https://169.254.169.254", "ADDRESS_NOT_ALLOWED"),
    ],
)
async def test_what_leads_nowhere_and_what_leads_where_no_call_may_go_are_told_apart(here: Stage, url: str, problem: str) -> None:
    _, key = await served(here, url)
    state = await found(here, key)
    assert (state["problem"], state["is_allowed"]) == (problem, problem != "ADDRESS_NOT_ALLOWED")
    # Nothing is connected to there.
    assert (state["addresses"], state["tried_at"]) == (0, None)
    assert (state["resolved_at"] is None) == (problem == "NAME_NOT_RESOLVED")


async def test_silence_is_told_since_when(here: Stage) -> None:
    _, key = await served(here, f"http://127.0.0.1:{free_port()}")
    state = await found(here, key)
    assert (state["problem"], state["is_allowed"], state["addresses"]) == ("NOT_ANSWERING", True, 1)
    assert state["silent_since"] == state["tried_at"] is not None
    # Asked again it is not connected to again so soon.
    assert (await found(here, key))["tried_at"] == state["tried_at"]


async def test_silence_goes_on_until_it_answers(system: Start) -> None:
    now = [0.0]
    attempts = Attempts("", again_seconds=10, clock=lambda: now[0])
    port = free_port()
    target = Target(Named("ver_1", f"http://127.0.0.1:{port}", "", 5.0), (f"127.0.0.1:{port}",))
    (first,) = await attempts.look([target])
    (soon, twice) = await attempts.look([target, target])
    now[0] = 10
    (later,) = await attempts.look([target])
    assert first is not None
    assert later is not None
    assert soon == twice == first
    assert first.at < later.at
    assert first.silent_since == later.silent_since == first.at
    server = await asyncio.start_server(lambda _, writer: writer.close(), "127.0.0.1", port)
    now[0] = 20
    (answering,) = await attempts.look([target])
    assert answering is not None
    assert (answering.problem, answering.silent_since) == (None, None)
    server.close()
    await attempts.close()
    del system


def _for(*names: str, by: Issued = ROOT) -> Issued:
    alternative = x509.SubjectAlternativeName([x509.DNSName(each) for each in names])
    return issue(by=by, usages=[ExtendedKeyUsageOID.SERVER_AUTH], extensions=[(alternative, False)])


@pytest.mark.parametrize(
    ("shown", "trusted", "problem"),
    [
        (_for("localhost"), ROOT.pem, None),
        (_for("other.example"), ROOT.pem, "CERTIFICATE_NOT_ACCEPTED"),
        (_for("localhost", by=STRANGER), ROOT.pem, "CERTIFICATE_NOT_ACCEPTED"),
        (_for("localhost"), None, "CERTIFICATE_NOT_ACCEPTED"),
    ],
    ids=["good", "another name", "another authority", "no authority of the world"],
)
async def test_a_certificate_that_does_not_count_is_told(
    here: Stage, system: Start, shown: Issued, trusted: str | None, problem: str | None
) -> None:
    _, key = await served(here, await system(shown), authorities=trusted)
    assert (await found(here, key))["problem"] == problem


async def test_who_wants_to_see_a_certificate_of_ours_has_answered(here: Stage, system: Start) -> None:
    url = await system(_for("localhost"), wants=ROOT)
    _, key = await served(here, url, authorities=ROOT.pem, client_certificate="portico")
    assert (await found(here, key))["problem"] is None


@pytest.mark.parametrize("role", ROLES)
async def test_only_the_providers_members_are_told(here: Stage, role: str) -> None:
    _, key = await served(here, "https://10.0.0.1/v1")
    await found(here, key)
    folder = here.issuer.folder
    member = make_passport(folder, "usr_1", organizations={"org_provider": role})
    assert (await ask(here, member, [key]))[0] is not None
    strangers = [
        make_passport(folder, "usr_2", organizations={"org_consumer": role}),
        make_passport(folder, "usr_3", platform_roles=("OPERATOR_ADMINISTRATOR", "SUPPORT")),
        make_visitor_passport(folder),
    ]
    absent = {**key, "version_id": "ver_absent"}
    for passport in strangers:
        assert await ask(here, passport, [key, absent]) == [None, None]


async def test_of_another_upstream_than_the_one_that_is_known_to_the_asker_nothing_is_told(here: Stage) -> None:
    product, key = await served(here, "https://10.0.0.1/v1")
    await found(here, key)
    member = make_passport(here.issuer.folder, "usr_1", organizations={"org_provider": "OWNER"})
    odd: list[Any] = [{**key, "url": "https://10.0.0.1/v2"}, {**key, "more": "x"}, "ver_1", None, {"version_id": 7}]
    assert await ask(here, member, odd) == [None] * 5
    assert (await ask(here, member, [{**key, "url": f"{key['url']}/"}]))[0] is not None
    await here.serve(product, None)

    async def is_forgotten() -> bool:
        return await ask(here, member, [key]) == [None]

    await until(is_forgotten, 60)
