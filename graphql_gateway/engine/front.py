"""The whole way of one operation: read, measured, validated, planned, priced, run.

Documents and plans are kept: a document that was seen before costs a look-up. What is new is read once for everybody who asks it.
"""

from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from graphql import (
    DocumentNode,
    GraphQLError,
    OperationDefinitionNode,
    OperationType,
    SelectionSetNode,
    execute_sync,
    parse,
    validate,
)
from graphql.execution.values import VariableValues, get_variable_values
from graphql.validation import NoSchemaIntrospectionCustomRule, specified_rules

from chassis.telemetry import current_request
from graphql_gateway.engine.declare import Do, Watch
from graphql_gateway.engine.failures import Failure, FieldFailed, extensions_of
from graphql_gateway.engine.model import Model
from graphql_gateway.engine.plan import Flags, Plan, Planner, Step, switches_of
from graphql_gateway.engine.price import Limits, check_price, measure
from graphql_gateway.engine.run import Calls, Run, Tagged, children_of, first_row
from graphql_gateway.engine.shape import prepare, shape_field, shape_object

Kept = TypeVar("Kept")
LARGEST_KEPT_TEXT = 16_384
MOST_KEPT_CHARACTERS = 200_000
"""How much text the kept documents have: each character takes some 150 bytes of memory."""
MOST_KEPT_STEPS = 12_000
"""How many steps the kept plans have: each takes some two kilobytes."""
NO_VARIABLES = VariableValues({}, {})


class _Recent(Generic[Kept]):
    """The most recently used of something, up to a weight, which stands for the memory that it takes."""

    def __init__(self, most_weight: int) -> None:
        self._most_weight = most_weight
        self._weight = 0
        self._kept: OrderedDict[Any, tuple[Kept, int]] = OrderedDict()

    def get(self, key: Any) -> Kept | None:
        found = self._kept.get(key)
        if found is None:
            return None
        self._kept.move_to_end(key)
        return found[0]

    def keep(self, key: Any, value: Kept, weight: int) -> None:
        """Keep what was not kept so far."""
        self._kept[key] = value, weight
        self._weight += weight
        while self._weight > self._most_weight:
            _, (_, lost) = self._kept.popitem(last=False)
            self._weight -= lost


@dataclass(frozen=True, slots=True)
class Asked:
    """One operation, as it was sent."""

    text: str
    variables: dict[str, Any] = field(default_factory=dict)
    operation_name: str | None = None
    extensions: dict[str, Any] = field(default_factory=dict)


class Refused(Exception):  # noqa: N818 - says what happened to the request
    """The operation is not run at all."""

    def __init__(self, errors: list[GraphQLError], code: str) -> None:
        super().__init__(code)
        self.code = code
        self.body = {"errors": [_formatted(error, code) for error in errors]}


def _formatted(error: GraphQLError, code: str) -> dict[str, Any]:
    formatted: dict[str, Any] = dict(error.formatted)
    formatted["extensions"] = {"code": code, **(error.extensions or {})}
    return formatted


@dataclass(frozen=True, slots=True)
class Document:
    """A document that was read and found valid."""

    node: DocumentNode
    operations: Mapping[str | None, OperationDefinitionNode]
    switches: frozenset[str]


@dataclass(frozen=True, slots=True)
class Ready:
    """An operation that may be run."""

    document: Document
    plan: Plan
    variables: VariableValues
    sent: dict[str, Any]

    @property
    def kind(self) -> OperationType:
        """Return whether it asks, does or watches."""
        return self.plan.kind


class Front:
    """Takes operations in and runs them."""

    def __init__(self, model: Model, limits: Limits | None = None, *, shows_schema: bool = False) -> None:
        self.model = model
        self.limits = limits or Limits()
        self.shows_schema = shows_schema
        self._rules = specified_rules if shows_schema else (*specified_rules, NoSchemaIntrospectionCustomRule)
        self._documents: _Recent[Document] = _Recent(MOST_KEPT_CHARACTERS)
        self._plans: _Recent[Plan] = _Recent(MOST_KEPT_STEPS)

    def ready(self, asked: Asked) -> Ready:
        """Return the operation, ready to run. Raises ``Refused``."""
        try:
            document = self._document(asked.text)
            operation = _choose(document, asked.operation_name)
            variables = self._variables(operation, asked.variables)
            plan = self._plan(asked, document, operation, variables)
            check_price(plan, variables, self.limits)
        except GraphQLError as error:
            raise Refused([error], "BAD_REQUEST") from error
        return Ready(document, plan, variables, asked.variables)

    def _document(self, text: str) -> Document:
        found = self._documents.get(text)
        if found is not None:
            return found
        try:
            node = parse(text, max_tokens=self.limits.tokens)
        except GraphQLError as error:
            raise Refused([error], "GRAPHQL_PARSE_FAILED") from error
        measure(node, self.limits)
        errors = validate(self.model.schema, node, self._rules, max_errors=20, hide_suggestions=not self.shows_schema)
        if errors:
            raise Refused(errors, "GRAPHQL_VALIDATION_FAILED")
        operations = {
            each.name.value if each.name else None: each for each in node.definitions if isinstance(each, OperationDefinitionNode)
        }
        document = Document(node, operations, switches_of(node))
        if len(text) <= LARGEST_KEPT_TEXT:
            self._documents.keep(text, document, len(text))
        return document

    def _variables(self, operation: OperationDefinitionNode, values: dict[str, Any]) -> VariableValues:
        if not operation.variable_definitions:
            return NO_VARIABLES
        found = get_variable_values(
            self.model.schema, operation.variable_definitions, values, max_errors=20, hide_suggestions=not self.shows_schema
        )
        if isinstance(found, list):
            raise Refused(found, "BAD_VARIABLES")
        return found

    def _plan(self, asked: Asked, document: Document, operation: OperationDefinitionNode, variables: VariableValues) -> Plan:
        flags = {name: variables.coerced.get(name) for name in document.switches}
        place = (
            asked.text,
            operation.name.value if operation.name else None,
            tuple(sorted(flags.items(), key=lambda each: each[0])),
        )
        plan = self._plans.get(place)
        if plan is None:
            plan = self._planner(document, flags).plan(operation)
            prepare(plan)
            if len(asked.text) <= LARGEST_KEPT_TEXT:
                self._plans.keep(place, plan, plan.steps + 1)
        return plan

    def _planner(self, document: Document, flags: Flags) -> Planner:
        return Planner(self.model, document.node, flags, max_steps=self.limits.steps, max_depth=self.limits.depth)

    async def answer(self, ready: Ready, calls: Calls) -> dict[str, Any]:
        """Run a query or a mutation and return the response."""
        if ready.kind is OperationType.MUTATION:
            return await self._do_all(ready, calls)
        run = Run(calls, ready.variables)
        root = ready.plan.root
        await run.gather(root, [{}])
        data: dict[str, Any] | None
        try:
            data = shape_object(root, {}, run, None)
        except FieldFailed as failed:
            run.errors.append(failed)
            data = None
        return self._response(ready, data, run.errors)

    async def _do_all(self, ready: Ready, calls: Calls) -> dict[str, Any]:
        """Do one thing after the other; each is shaped from rows that were loaded after it was done."""
        errors: list[FieldFailed] = []
        data: dict[str, Any] = {}
        for response, step in ready.plan.root.entries:
            if step is None:
                value: Any = ready.plan.root.type_name
            else:
                run = Run(calls, ready.variables)
                try:
                    value = await self._do(step, run)
                except FieldFailed as failed:
                    run.errors.append(failed)
                    return self._response(ready, None, [*errors, *run.errors])
                errors.extend(run.errors)
            data[response] = value
        return self._response(ready, data, errors)

    async def _do(self, step: Step, run: Run) -> Any:
        source = step.model.source
        assert isinstance(source, Do)
        try:
            values = step.arguments(run.variables)
        except GraphQLError as error:
            raise FieldFailed(error.message, (None, step.response), step.nodes, {"code": "BAD_ARGUMENT"}) from error
        result = await run.calls.do(source, values.get("input") or {}, step.response)
        value = problem_of(result) if isinstance(result, Failure) else Tagged(_success_type(step, result), result)
        return await self.settle(step, value, run)

    async def settle(self, step: Step, value: Any, run: Run) -> Any:
        """Load what is asked below a root field's value, and shape it. Raises ``FieldFailed``."""
        for selection, rows in children_of(step, [value]):
            await run.gather(selection, rows)
        return shape_field(step, value, run)

    async def update(self, ready: Ready, calls: Calls, values: dict[str, Any]) -> dict[str, Any] | None:
        """Read an update's row afresh and return the response, or None where there is nothing to be seen."""
        step, source = _watching(ready)
        run = Run(calls, ready.variables)
        row = await first_row(run, source.load, values)
        if row is None:
            return None
        try:
            data: dict[str, Any] | None = {step.response: await self.settle(step, _row_or_error(step, row), run)}
        except FieldFailed as failed:
            run.errors.append(failed)
            data = None
        return self._response(ready, data, run.errors)

    def _response(self, ready: Ready, data: dict[str, Any] | None, errors: list[FieldFailed]) -> dict[str, Any]:
        response: dict[str, Any] = {"data": data}
        found = [error.formatted() for error in errors]
        if data is not None and ready.plan.introspection:
            shown = self._introspect(ready)
            data = {name: data[name] if name in data else (shown or {}).get(name) for name in ready.plan.order}
            response["data"] = data
        if found:
            response["errors"] = found
        return response

    def _introspect(self, ready: Ready) -> dict[str, Any] | None:
        """Answer the questions about the schema itself with graphql-core's own executor."""
        nodes = tuple(node for nodes in ready.plan.introspection.values() for node in nodes)
        operation = OperationDefinitionNode(
            operation=OperationType.QUERY,
            name=ready.plan.operation.name,
            variable_definitions=ready.plan.operation.variable_definitions,
            directives=(),
            selection_set=SelectionSetNode(selections=nodes),
        )
        others = (each for each in ready.document.node.definitions if not isinstance(each, OperationDefinitionNode))
        result = execute_sync(self.model.schema, DocumentNode(definitions=(operation, *others)), variable_values=ready.sent)
        return result.data


def _choose(document: Document, name: str | None) -> OperationDefinitionNode:
    if name is not None:
        found = document.operations.get(name)
        if found is None:
            raise GraphQLError("The document has no operation of that name.")
        return found
    if len(document.operations) != 1:
        raise GraphQLError("The document has several operations: name one of them in operationName.")
    return next(iter(document.operations.values()))


def _success_type(step: Step, result: Any) -> str:
    """Return what a mutation gives when it is not refused: the type of its union that is not a problem.

    Where there are several, the result itself says which one it is, as its ``kind``.
    """
    names = [name for name in step.selections if name != "Problem"]
    return names[0] if len(names) == 1 else next((name for name in names if name == result.get("kind")), "")


def problem_of(failure: Failure) -> Tagged:
    """Return a refusal as the graph's ``Problem``."""
    row = {
        "code": failure.code,
        "message": failure.message,
        "fields": list(failure.fields),
        "trace_id": failure.trace_id,
        "request_id": current_request(),
        "help": failure.help,
        "retry_after_seconds": failure.retry_after_seconds,
    }
    return Tagged("Problem", row)


def watched(ready: Ready) -> tuple[Watch, dict[str, Any]]:
    """Return what an update watches, and its arguments as they travel. Raises ``GraphQLError``."""
    step, source = _watching(ready)
    return source, step.arguments(ready.variables)


def _watching(ready: Ready) -> tuple[Step, Watch]:
    steps = [step for _, step in ready.plan.root.entries if step is not None]
    if len(steps) != 1 or not isinstance(steps[0].model.source, Watch):
        raise Refused([GraphQLError("Watch one thing at a time.")], "BAD_REQUEST")
    return steps[0], steps[0].model.source


def _row_or_error(step: Step, row: Any) -> Any:
    if isinstance(row, Failure):
        raise FieldFailed(row.message, (None, step.response), step.nodes, extensions_of(row))
    return row
