"""Every verb takes idempotency keys, from the route tables; those that take none are named here, and say why."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from chassis.idempotency import NOT_THE_ASKERS
from chassis.local import LocalBus
from chassis.mongo import connect
from chassis.web import Verb
from graphql_gateway.engine.declare import Do
from graphql_gateway.schema import model
from portico.composition import BUILDERS
from portico.keys import make_keys
from portico.place import Place

SERVICES = ("identity", "catalog", "subscriptions", "enforcement", "analytics", "notifications", "audit", "recertification")
WITHOUT_KEYS = {
    # gives out what proves who asks
    "issue_passport",
    "issue_visitor_passport",
    "try_operation",
    # is done by the API that is called
    "call_operation",
    # opens a session: its answer is a token
    "sign_in",
    "answer_second_factor",
    "sign_in_with_passkey",
    "finish_open_id_sign_in",
    # proves who uses a session now
    "reauthenticate",
    # begins what ends within minutes
    "begin_passkey_sign_in",
    "begin_open_id_sign_in",
    "link_open_id",
}


@pytest.fixture(scope="module")
async def verbs(mongo_url: str, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[dict[str, Verb]]:
    folder = tmp_path_factory.mktemp("verbs")
    make_keys(folder / "keys")
    client = connect(mongo_url)
    place = Place(client, LocalBus(folder / "bus.sqlite"), folder / "keys", "verbs_")
    parts: list[Any] = [BUILDERS[service](place) for service in SERVICES]
    routes = [each for part in parts for each in part.routes if each.path.startswith("/do/")]
    yield {each.path.removeprefix("/do/"): each for each in routes}
    client.close()


def test_every_verb_but_these_takes_keys(verbs: dict[str, Verb]) -> None:
    assert {name for name, verb in verbs.items() if verb.without_keys is not None} == WITHOUT_KEYS
    assert {"create_application", "rotate_secret", "subscribe", "import_api"} <= verbs.keys() - WITHOUT_KEYS


def test_there_is_one_way_to_add_a_verb(verbs: dict[str, Verb]) -> None:
    assert all(isinstance(each, Verb) for each in verbs.values())


def test_whoever_takes_no_keys_says_why(verbs: dict[str, Verb]) -> None:
    for name in WITHOUT_KEYS:
        assert len(verbs[name].without_keys or "") > 20, name


def _mutations() -> list[Do]:
    return [each.source for each in model().types["Mutation"].values() if isinstance(each.source, Do)]


def test_no_kept_answer_touches_the_session_of_a_page() -> None:
    """What the gateway does with an answer besides showing it (cookies) is only for verbs without keys, or ends a session."""
    then = {each.verb for each in _mutations() if each.then is not None}
    assert "sign_in" in then
    assert then <= WITHOUT_KEYS | {"sign_out", "erase_my_account"}


def test_what_the_gateway_adds_is_no_part_of_the_input() -> None:
    """Otherwise the same, asked again from another network, would be something else."""
    assert {name for each in _mutations() for name in each.adds} == NOT_THE_ASKERS
