"""The conventions that the whole graph keeps, and what may not be declared."""

from typing import Any

import pytest
import strawberry
from graphql import build_schema, get_nullable_type, is_input_object_type, is_non_null_type, is_union_type

from graphql_gateway.engine.declare import Constant, Do, Load, Watch, loads
from graphql_gateway.engine.model import NotDeclaredError, model_of
from graphql_gateway.schema import model, sdl

SERVICES = {"every", "trying", "identity", "catalog", "subscriptions", "enforcement", "analytics", "notifications"}
SERVICES |= {"audit", "recertification"}


def test_the_schema_reads_back_as_it_is_printed() -> None:
    assert build_schema(sdl()).mutation_type is not None
    assert sdl() == sdl()


WITHOUT_INPUT = {"signOut", "endOtherSessions", "renewRecoveryCodes", "beginPasskeyRegistration", "beginPasskeySignIn"}


@pytest.mark.parametrize("name", model().types["Mutation"])
def test_a_mutation_takes_one_input_and_gives_a_thing_or_a_problem(name: str) -> None:
    field = model().types["Mutation"][name]
    assert isinstance(field.source, Do)
    assert field.source.service in SERVICES
    assert field.source.verb == field.python_name, "the mutation has its verb's name"
    assert is_non_null_type(field.graphql.type)
    result = get_nullable_type(field.graphql.type)
    assert is_union_type(result)
    *things, last = (each.name for each in result.types)
    assert things
    assert last == "Problem"
    if name in WITHOUT_INPUT:
        assert not field.graphql.args, "there is nothing to say"
        return
    ((argument, definition),) = field.graphql.args.items()
    assert argument == "input"
    input_type = get_nullable_type(definition.type)
    assert is_input_object_type(input_type)
    assert input_type.name == f"{name[0].upper()}{name[1:]}Input"


def test_the_verbs_without_input_exist() -> None:
    assert set(model().types["Mutation"]) >= WITHOUT_INPUT


def test_every_other_field_reads_its_parent_or_is_a_load_that_may_be_null() -> None:
    for fields in model().types.values():
        for field in fields.values():
            if isinstance(field.source, Load):
                assert not is_non_null_type(field.graphql.type)
                assert field.source.service in SERVICES
    assert all(isinstance(field.source, Watch) for field in model().types["Updates"].values())


def _schema(query: Any) -> Any:
    return strawberry.Schema(strawberry.type(query))._schema


def test_a_load_that_may_not_be_null_is_not_taken() -> None:
    class Query:
        user: str = loads(Load("identity", "viewer", Constant("me")))

    with pytest.raises(NotDeclaredError, match="service can be down"):
        model_of(_schema(Query))


def test_a_field_with_code_of_its_own_is_not_taken() -> None:
    class Query:
        @strawberry.field
        async def user(self) -> str:
            return "waited for"

    with pytest.raises(NotDeclaredError, match="has a function"):
        model_of(_schema(Query))
