"""Answering: the loaded rows become the response, depth-first, with GraphQL's rules for null and for errors.

Each step's way of completing a value is put together once, when the plan is made, from one function for each layer of its type.
A value that cannot stand raises ``FieldFailed``, which becomes an error of the response at the nearest place that may be null.
"""

from collections.abc import Callable
from typing import Any

from graphql import GraphQLError, get_nullable_type, is_enum_type, is_leaf_type, is_list_type, is_non_null_type

from graphql_gateway.engine.declare import Load, Read
from graphql_gateway.engine.failures import Failure, FieldFailed, Path, extensions_of
from graphql_gateway.engine.plan import Plan, Selection, ShapeRow, Step
from graphql_gateway.engine.run import Bound, Run, Tagged, fetch

Complete = Callable[[Any, Run, Path], Any]
INT = range(-(2**31), 2**31)
_AS_ON_THE_WIRE: dict[str, type] = {"String": str, "ID": str, "DateTime": str, "URL": str, "ProblemCode": str, "Boolean": bool}


def prepare(plan: Plan) -> None:
    """Put together how every step of a plan is completed."""
    pending = [plan.root]
    while pending:
        selection = pending.pop()
        for response, step in selection.entries:
            if step is not None:
                step.complete = _completer(step, step.model.graphql.type)
                pending.extend(step.selections.values())
            selection.rows.append(_row(response, step))


def _row(response: str, step: Step | None) -> ShapeRow:
    """Return how an entry is shaped; a plain value that is on the wire as it is in the response is only looked at."""
    if step is None or not isinstance(step.model.source, Read):
        return response, step, None, None, None
    type_ = get_nullable_type(step.model.graphql.type)
    if is_enum_type(type_):
        return response, step, step.model.source.name, str, frozenset(type_.values)
    if getattr(type_, "name", "") == "Int":
        return response, step, step.model.source.name, int, INT
    return response, step, step.model.source.name, _AS_ON_THE_WIRE.get(getattr(type_, "name", "")), None


def shape_object(selection: Selection, parent: Any, run: Run, path: Path) -> dict[str, Any]:
    """Return what is asked of one object. Raises ``FieldFailed`` where a field that may not be null has no value."""
    shaped: dict[str, Any] = {}
    for response, step, name, expected, among in selection.rows:
        if expected is not None:
            value = parent.get(name)
            if value.__class__ is expected and (among is None or value in among):
                shaped[response] = value
                continue
        if step is None:
            shaped[response] = selection.type_name
            continue
        try:
            shaped[response] = step.complete(_value(step, parent, run, path), run, (path, response))
        except FieldFailed as failed:
            if step.is_non_null:
                raise
            run.errors.append(failed)
            shaped[response] = None
    return shaped


def shape_field(step: Step, value: Any, run: Run) -> Any:
    """Return one root field's value. Raises ``FieldFailed`` where it may not be null and has none."""
    try:
        return step.complete(value, run, (None, step.response))
    except FieldFailed as failed:
        if step.is_non_null:
            raise
        run.errors.append(failed)
        return None


def _value(step: Step, parent: Any, run: Run, path: Path) -> Any:
    source = step.model.source
    if type(source) is Read:
        return parent.get(source.name)
    if type(source) is not Load:
        return fetch(step, parent)
    bound = run.bound(step)
    if type(bound) is not Bound:
        if bound is None:
            return None
        assert isinstance(bound, GraphQLError)
        raise FieldFailed(bound.message, (path, step.response), step.nodes, {"code": "BAD_ARGUMENT"})
    row = bound.row_of(parent)
    if type(row) is Failure:
        raise FieldFailed(row.message, (path, step.response), step.nodes, extensions_of(row))
    return row


def _completer(step: Step, type_: Any) -> Complete:
    if is_non_null_type(type_):
        return _non_null(step, _completer(step, type_.of_type))
    if is_list_type(type_):
        return _list(step, _completer(step, type_.of_type), is_non_null=is_non_null_type(type_.of_type))
    if is_leaf_type(type_):
        return _leaf(step, type_)
    return _object(step)


def _non_null(step: Step, inner: Complete) -> Complete:
    place = f"{step.model.parent}.{step.model.name}"

    def complete(value: Any, run: Run, path: Path) -> Any:
        completed = inner(value, run, path)
        if completed is None:
            raise FieldFailed(f"Cannot return null for non-nullable field {place}.", path, step.nodes)
        return completed

    return complete


def _list(step: Step, inner: Complete, *, is_non_null: bool) -> Complete:
    place = f"{step.model.parent}.{step.model.name}"
    plain = _AS_ON_THE_WIRE.get(step.model.named_type.name) if step.is_leaf else None

    def complete(value: Any, run: Run, path: Path) -> Any:
        if value is None:
            return None
        if plain is not None and type(value) is list and all(item.__class__ is plain for item in value):
            return value
        if type(value) is not list:
            raise _wrong(step, path, f"Expected Iterable, but did not find one for field '{place}'.")
        completed = []
        for index, item in enumerate(value):
            try:
                completed.append(inner(item, run, (path, index)))
            except FieldFailed as failed:
                if is_non_null:
                    raise
                run.errors.append(failed)
                completed.append(None)
        return completed

    return complete


def _leaf(step: Step, type_: Any) -> Complete:
    _, _, _, expected, among = _row("", step)
    names = frozenset(type_.values) if is_enum_type(type_) else None

    def complete(value: Any, _run: Run, path: Path) -> Any:
        if value is None or (type(value) is expected and (among is None or value in among)):
            return value
        if names is not None:
            if type(value) is str and value in names:
                return value
            raise _wrong(step, path, f"Enum '{type_.name}' cannot represent value: {value!r}")
        try:
            return type_.serialize(value)
        except (GraphQLError, TypeError, ValueError) as error:
            raise _wrong(step, path, str(error)) from error

    return complete


def _object(step: Step) -> Complete:
    selections = step.selections
    only = next(iter(selections.values())) if len(selections) == 1 else None
    is_shared = isinstance(step.model.source, Load)
    place = f"{step.model.parent}.{step.model.name}"

    def complete(value: Any, run: Run, path: Path) -> Any:
        if value is None:
            return None
        if type(value) is Tagged:
            selection = selections.get(value.type_name)
            if selection is not None and type(value.row) is dict:
                return shape_object(selection, value.row, run, path)
        elif only is not None and type(value) is dict:
            return _shape_once(only, value, run, path) if is_shared else shape_object(only, value, run, path)
        raise _wrong(step, path, f"What was found is not an object that '{place}' can be.")

    return complete


def _shape_once(selection: Selection, row: dict[str, Any], run: Run, path: Path) -> dict[str, Any]:
    """Shape a row that several parents may share; what came of it without errors serves for all of them."""
    place = (id(selection), id(row))
    shaped = run.shaped.get(place)
    if shaped is None:
        errors = len(run.errors)
        shaped = shape_object(selection, row, run, path)
        if len(run.errors) == errors:
            run.shaped[place] = shaped
    return shaped


def _wrong(step: Step, path: Path, message: str) -> FieldFailed:
    """Return the error for a row that is not what the graph promises: our own fault, so it carries a code of ours."""
    return FieldFailed(message, path, step.nodes, {"code": "INTERNAL"})
