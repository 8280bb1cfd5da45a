"""Whatever is sent to a verb of people and their proofs, it is refused as input and never fails."""

from typing import Any

import orjson
import pytest

from chassis.calls import Call
from chassis.principal import HEADER
from tests.services.identity.world import Person, World
from tests.services.mail_server import MovingClock

LONG = "a" * 100_000
ODD: tuple[Any, ...] = (
    None,
    True,
    -1,
    1.5,
    2**63,
    "",
    "\x00",
    "\x00@example.com",
    "a@b\x00.example",
    LONG,
    f"{LONG}@example.com",
    "💥" * 50,
    "\u202e\ufeff",
    "$where",
    [],
    ["a"],
    {},
    {"$ne": None},
    {"$gt": ""},
    "//evil.example",
    "/\t/evil.example",
    "=?utf-8?q?x?=@a.example",
    "{}",
    "[]",
    '{"id": 1}',
    '{"id": "a", "response": 5}',
    '{"id":"\\u0000","response":{"userHandle":{}}}',
    "[" * 5000,
)
FIELDS: dict[str, tuple[str, ...]] = {
    "register": ("email", "password", "name", "language", "network_address"),
    "verify_email": ("token",),
    "sign_in": ("email", "password", "network_address", "user_agent"),
    "answer_second_factor": ("challenge", "code", "recovery_code", "passkey"),
    "sign_in_with_passkey": ("challenge", "credential"),
    "begin_passkey_sign_in": ("network_address",),
    "reauthenticate": ("password", "code", "recovery_code", "passkey", "challenge"),
    "begin_open_id_sign_in": ("provider", "return_to", "network_address"),
    "finish_open_id_sign_in": ("state", "code", "issuer"),
    "link_open_id": ("provider", "return_to"),
    "unlink_open_id": ("provider",),
    "change_password": ("current_password", "password"),
    "request_password_reset": ("email", "language", "network_address"),
    "reset_password": ("token", "password"),
    "set_password": ("token", "password"),
    "request_email_change": ("new_email", "password"),
    "confirm_email_change": ("token",),
    "change_profile": ("name", "language"),
    "enrol_totp": ("name",),
    "confirm_totp": ("factor_id", "code"),
    "register_passkey": ("challenge", "name", "credential"),
    "remove_factor": ("factor_id",),
    "end_session": ("session_id",),
    "export_my_data": ("password",),
    "issue_passport": ("token",),
}
USABLE = {"email": "a@example.com", "new_email": "b@example.com", "name": "Somebody", "password": "a long walk by the sea"}
MAY_PASS = ("begin_passkey_sign_in", "change_profile", "enrol_totp", "export_my_data", "request_password_reset", "register")


@pytest.fixture(scope="module")
async def odd_world(make_store: Any, tmp_path_factory: pytest.TempPathFactory) -> Any:
    clock = MovingClock()
    world = World(make_store("identity", clock), tmp_path_factory.mktemp("odd"), clock)
    await world.start()
    yield world, await world.someone()
    await world.close()


@pytest.mark.parametrize("verb", FIELDS)
async def test_odd_values_are_refused(odd_world: tuple[World, Person], verb: str) -> None:
    world, person = odd_world
    by = person if verb not in ("register", "issue_passport") else None
    for field in FIELDS[verb]:
        for odd in ODD:
            given = {name: USABLE.get(name, "x") for name in FIELDS[verb] if name not in ("language", "network_address")}
            said = await world.do(verb, by, **{**given, field: odd})
            assert said.status < 500, (field, odd, said.body)
            assert said.status >= 400 or verb in MAY_PASS, (field, odd, said.body)


@pytest.mark.parametrize(
    "path", ["/do/sign_in", "/load/viewer", "/load/permits", "/load/factors_of_viewer", "/load/sessions_of_viewer"]
)
async def test_odd_bodies_are_refused(odd_world: tuple[World, Person], path: str) -> None:
    world, person = odd_world
    bodies = [
        b"",
        b"null",
        b"[]",
        b"{",
        b'{"keys": 5}',
        b'{"email": "\\ud800", "password": "x"}',
        b"\xff\xfe",
        b'{"keys":[{}]' * 3,
    ]
    bodies += [orjson.dumps({"keys": [{"on": "x", "action": odd}, odd], "args": odd}) for odd in ODD if odd != 2**63]
    for body in bodies:
        headers = {HEADER: await world.passport(person)}
        answer = await world.caller.call(Call("identity", path, body, headers, timeout_seconds=120))
        assert answer.status < 500, (body[:80], answer.body)
