"""What the catalogue builds for a trial means to enforcement the operation that was named: two services, one path."""

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from services.catalog.documents.reading import read
from services.catalog.sandbox.checking import Checker
from services.catalog.trials.building import build
from services.catalog.trials.contract import contract_of
from services.catalog.trials.domain import Given, TrialNotUsable
from services.catalog.trials.domain import Wanted as Wish
from services.enforcement.state.matching import Matcher, Operation
from services.enforcement.state.versions import Version
from services.enforcement.trying.domain import RequestNotUsable, Wanted, request_to
from services.enforcement.trying.environments import Environment

PATHS = ("/pets", "/pets/{id}", "/pets/{id}/toys/{toy}", "/pets/mine", "/files/{name}.json", "/žogas/{id}", "/a%20b/{id}")


def _document() -> dict[str, Any]:
    paths: dict[str, Any] = {}
    for path in PATHS:
        names = [step.partition("}")[0] for step in path.split("{")[1:]]
        parameters: list[dict[str, Any]] = [
            {"name": name, "in": "path", "required": True, "schema": {"type": "string"}} for name in names
        ]
        parameters += [{"name": "q", "in": "query", "schema": {"type": "string"}}, {"name": "X-H", "in": "header", "schema": {}}]
        paths[path] = {"get": {"operationId": path, "parameters": parameters, "responses": {"200": {"description": "Fine."}}}}
    return {"openapi": "3.0.3", "info": {"title": "Pets", "version": "1"}, "paths": paths}


TREE = read(json.dumps(_document()))
CHECKER = Checker(TREE.tree, "3.0")
CONTRACTS = [(each.operation_id, contract_of(TREE.tree, each)) for each in TREE.operations]
OPERATIONS = [Operation(each.operation_id, each.method, each.path) for each in TREE.operations]
VERSION = Version("ver_1", "prd_1", "zoo", "/zoo/pets/v1", Matcher(OPERATIONS))
TEXTS = st.text(max_size=12) | st.sampled_from(
    ["..", ".", "%2e", "%2f", "../x", "mine", "mine/toys/x", "?a", "#a", "a\r\nb: c", "%", ";"]
)


@given(st.sampled_from(CONTRACTS), st.lists(TEXTS, min_size=4, max_size=4))
def test_whatever_is_given_the_call_is_one_of_the_operation_or_none(named: tuple[str, Any], texts: list[str]) -> None:
    operation_id, contract = named
    wanted = tuple(Given(each.name, text) for each, text in zip(contract.parameters, texts, strict=False))
    try:
        built = build(contract, Wish(wanted), CHECKER)
    except TrialNotUsable:
        return
    assert built.target.isascii()
    assert not set(built.target) & set(" \r\n#")
    sent = Wanted(built.method, built.target, built.headers, None)
    try:
        request = request_to(VERSION, operation_id, Environment.PRODUCTION, sent, token="t")
    except RequestNotUsable:
        # What another operation's path means is called by nobody under this one's name.
        found = VERSION.matcher.find(built.method, built.target.partition("?")[0]).operation
        assert found is None or found.id != operation_id
        return
    assert request.target == VERSION.base_path + built.target
    assert VERSION.matcher.find(request.method, request.target.removeprefix(VERSION.base_path).partition("?")[0]).operation == (
        next(each for each in OPERATIONS if each.id == operation_id)
    )
