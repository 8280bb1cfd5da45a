"""Asked directly, no service answers without a passport that identity signed lately: every route, from the route tables."""

import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest
from joserfc.jwk import OKPKey
from starlette.routing import Route

from chassis.calls import AsgiCaller, Call
from chassis.local import LocalBus
from chassis.mongo import connect
from chassis.principal import ALGORITHM, AUDIENCE, HEADER, ISSUER
from portico.composition import BUILDERS
from portico.keys import make_keys
from portico.place import Place
from tests.passports import encode_passport

SERVICES = ("identity", "catalog", "subscriptions", "enforcement", "analytics", "notifications", "audit", "recertification")
# What gives out passports asks for none; the authorization server has its own ways to prove who asks, or tells what is public.
WITHOUT_PASSPORT = {
    "/do/issue_passport",
    "/do/issue_visitor_passport",
    "/oauth/token",
    "/oauth/introspect",
    "/oauth/revoke",
    "/.well-known/oauth-authorization-server",
    "/.well-known/jwks.json",
    "/health/live",
    "/health/ready",
    "/metrics",
}


@pytest.fixture(scope="module")
async def place(mongo_url: str, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Place]:
    folder = tmp_path_factory.mktemp("every_route")
    make_keys(folder / "keys")
    client = connect(mongo_url)
    yield Place(client, LocalBus(folder / "bus.sqlite"), folder / "keys", "every_route_")
    client.close()


def _claims(**changes: Any) -> dict[str, Any]:
    moment = int(time.time())
    lasting = {"iat": moment, "exp": moment + 60}
    rights = {"organizations": {"org_1": "OWNER"}, "grants": {}, "platform_roles": ["OPERATOR_ADMINISTRATOR"]}
    return {"iss": ISSUER, "aud": AUDIENCE, "sub": "usr_1", "sid": "ses_1", **lasting, **rights, **changes}


def _refused(keys_dir: Path) -> dict[str, tuple[str | None, str]]:
    """Passports that no service takes, each with the code that it is refused with."""
    own, tokens = _signing_key(keys_dir / "passport.private.json"), _signing_key(keys_dir / "tokens.private.json")
    forged = OKPKey.generate_key("Ed25519", {"kid": str(own.kid), "use": "sig", "alg": ALGORITHM})
    signed = encode_passport(_claims(), own)
    longer = encode_passport(_claims(sub="usr_2"), own)
    header, _, signature = signed.split(".")
    return {
        "none": (None, "PASSPORT_MISSING"),
        "empty": ("", "PASSPORT_MISSING"),
        "expired": (encode_passport(_claims(iat=1_700_000_000, exp=1_700_000_060), own), "PASSPORT_NOT_ACCEPTED"),
        "forged": (encode_passport(_claims(), forged), "PASSPORT_NOT_ACCEPTED"),
        "signed with the key of access tokens": (encode_passport(_claims(), tokens, kid=own.kid), "PASSPORT_NOT_ACCEPTED"),
        "of another type": (encode_passport(_claims(), own, typ="at+jwt"), "PASSPORT_NOT_ACCEPTED"),
        "for another audience": (encode_passport(_claims(aud="portico:calls"), own), "PASSPORT_NOT_ACCEPTED"),
        "with another body": (f"{header}.{longer.split('.')[1]}.{signature}", "PASSPORT_NOT_ACCEPTED"),
        "without a signature": (f"{header}.{signed.split('.')[1]}.", "PASSPORT_NOT_ACCEPTED"),
        "of too long a life": (encode_passport(_claims(exp=int(time.time()) + 3600), own), "PASSPORT_NOT_ACCEPTED"),
        "no passport at all": ("visitor", "PASSPORT_NOT_ACCEPTED"),
    }


def _signing_key(path: Path) -> OKPKey:
    document = orjson.loads(path.read_bytes())
    return OKPKey.import_key({**document.get("keys", [document])[0], "alg": ALGORITHM})


def _routes_of(part: Any) -> Iterator[tuple[str, str]]:
    for route in part.routes:
        assert isinstance(route, Route), f"{route} is no route that this test knows how to ask"
        for method in sorted((route.methods or set()) - {"HEAD"}):
            yield method, route.path


@pytest.mark.parametrize("service", SERVICES)
async def test_every_route_of_a_service_refuses_whoever_has_no_passport(service: str, place: Place) -> None:
    part: Any = BUILDERS[service](place)
    caller = AsgiCaller({service: part.app})
    for method, path in _routes_of(part):
        if path in WITHOUT_PASSPORT:
            continue
        asked = path.replace("{", "").replace("}", "").split(":", maxsplit=1)[0]
        for name, (passport, code) in _refused(place.keys_dir).items():
            headers = {} if passport is None else {HEADER: passport}
            answer = await caller.call(Call(service, asked, b'{"keys": ["x"]}', headers, method))
            assert answer.status == 401, (method, path, name, answer.body)
            assert orjson.loads(answer.body)["code"] == code, (path, name)


@pytest.mark.parametrize("service", SERVICES)
async def test_the_same_routes_answer_whoever_has_one(service: str, place: Place) -> None:
    """The refusals above are the passport's: with a good one each of the routes gets as far as its input."""
    part: Any = BUILDERS[service](place)
    caller = AsgiCaller({service: part.app})
    good = encode_passport(_claims(), _signing_key(place.keys_dir / "passport.private.json"))
    for method, path in _routes_of(part):
        if path not in WITHOUT_PASSPORT and path.startswith(("/do/", "/load/")):
            answer = await caller.call(Call(service, path, b"no json", {HEADER: good}, method))
            assert (answer.status, orjson.loads(answer.body)["code"]) == (400, "BODY_NOT_READABLE"), path


async def test_every_exception_is_a_route_that_exists(place: Place) -> None:
    parts: list[Any] = [BUILDERS[service](place) for service in SERVICES]
    known = {path for part in parts for _, path in _routes_of(part)} | {each for each in WITHOUT_PASSPORT if "/do/" not in each}
    assert known >= WITHOUT_PASSPORT
    assert {path for part in parts for _, path in _routes_of(part) if path.startswith(("/oauth/", "/.well-known/"))} == {
        each for each in WITHOUT_PASSPORT if each.startswith(("/oauth/", "/.well-known/"))
    }
