"""The schema as the engine sees it: for every field, where it comes from and how its arguments travel."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any

from graphql import (
    GraphQLField,
    GraphQLInputObjectType,
    GraphQLInputType,
    GraphQLNamedType,
    GraphQLSchema,
    get_named_type,
    get_nullable_type,
    is_list_type,
    is_non_null_type,
    is_object_type,
)

from graphql_gateway.engine.declare import METADATA, Load, Read, Source

BACK_REFERENCE = "strawberry-definition"


class NotDeclaredError(TypeError):
    """A field of the graph is not declared as the engine needs it."""


@dataclass(frozen=True, slots=True)
class FieldModel:
    """One field of one type."""

    parent: str
    name: str
    python_name: str
    graphql: GraphQLField
    source: Source

    @property
    def is_list(self) -> bool:
        """Say whether the field is a list."""
        return is_list_type(get_nullable_type(self.graphql.type))

    @property
    def named_type(self) -> GraphQLNamedType:
        """Return the field's type without its wrappers."""
        return get_named_type(self.graphql.type)


@dataclass(frozen=True, slots=True)
class Model:
    """Every object type's fields, by name."""

    schema: GraphQLSchema
    types: Mapping[str, Mapping[str, FieldModel]]


def model_of(schema: GraphQLSchema) -> Model:
    """Read the declarations of a Strawberry schema. Raises ``NotDeclaredError`` for a field that cannot be planned."""
    types = {}
    for name, type_ in schema.type_map.items():
        if is_object_type(type_) and not name.startswith("__"):
            types[name] = {field_name: _field_model(name, field_name, field) for field_name, field in type_.fields.items()}
    return Model(schema, types)


def _field_model(parent: str, name: str, field: GraphQLField) -> FieldModel:
    definition = (field.extensions or {}).get(BACK_REFERENCE)
    if definition is None:
        raise NotDeclaredError(f"{parent}.{name} does not come from Strawberry")
    source = (definition.metadata or {}).get(METADATA)
    if source is None:
        if definition.base_resolver is not None:
            raise NotDeclaredError(f"{parent}.{name} has a function; a field reads its parent or is loaded")
        source = Read()
    if isinstance(source, Load) and is_non_null_type(field.type):
        raise NotDeclaredError(f"{parent}.{name} is loaded, so it may be null: its service can be down")
    if isinstance(source, Read) and source.name is None:
        source = Read(definition.python_name, source.size, source.is_paged)
    return FieldModel(parent, name, definition.python_name, field, source)


def wire_name(definition: Any, name: str) -> str:
    """Return the name under which an argument or input field travels."""
    back = (definition.extensions or {}).get(BACK_REFERENCE)
    # A trailing underscore only keeps the name apart from one of Python's own.
    return (getattr(back, "python_name", None) or name).rstrip("_")


def to_wire(value: Any, type_: GraphQLInputType) -> Any:
    """Return a coerced input value as it travels: names in snake case, enumerations by name, moments as text."""
    if value is None:
        return None
    named = get_nullable_type(type_)
    if is_list_type(named):
        return [to_wire(item, named.of_type) for item in value]
    if isinstance(named, GraphQLInputObjectType):
        return {wire_name(field, name): to_wire(value[name], field.type) for name, field in named.fields.items() if name in value}
    if isinstance(value, Enum):
        return value.value
    return value


def arguments_to_wire(field: GraphQLField, values: Mapping[str, Any]) -> dict[str, Any]:
    """Return a field's coerced arguments as they travel."""
    return {
        wire_name(argument, name): to_wire(values[name], argument.type) for name, argument in field.args.items() if name in values
    }
