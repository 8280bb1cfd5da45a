"""A document, prepared: fragments spread, fields merged, arguments bound, for every type that a place may have.

A plan depends on the document, the operation's name and the values of the variables that stand in ``@skip`` and ``@include``;
nothing else, so it is made once and kept.
"""

from collections.abc import Callable, Container, Mapping
from dataclasses import dataclass, field
from typing import Any

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLAbstractType,
    GraphQLError,
    GraphQLObjectType,
    InlineFragmentNode,
    OperationDefinitionNode,
    OperationType,
    SelectionSetNode,
    VariableNode,
    is_abstract_type,
    is_leaf_type,
    is_non_null_type,
    is_object_type,
)
from graphql.execution.values import VariableValues, get_argument_values

from graphql_gateway.engine.declare import Load
from graphql_gateway.engine.model import FieldModel, Model, arguments_to_wire

Flags = Mapping[str, Any]
INTROSPECTION = frozenset({"__schema", "__type"})


class TooLargeError(GraphQLError):
    """The document asks for more than one request may have."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message, extensions={"code": code})


@dataclass(slots=True)
class Step:
    """One field at one place of the document, for one parent type."""

    response: str
    model: FieldModel
    nodes: list[FieldNode]
    index: int
    is_non_null: bool
    is_leaf: bool
    fixed_arguments: dict[str, Any] | None
    selections: dict[str, "Selection"] = field(default_factory=dict)
    has_loads_below: bool = False
    complete: Callable[..., Any] = field(default=lambda *_: None)

    def arguments(self, variables: VariableValues) -> dict[str, Any]:
        """Return the arguments as they travel. Raises ``GraphQLError`` where a variable's null meets a non-null argument."""
        if self.fixed_arguments is not None:
            return self.fixed_arguments
        values = get_argument_values(self.model.graphql, self.nodes[0], variables, hide_suggestions=True)
        return arguments_to_wire(self.model.graphql, values)


# How one entry is shaped: the response name, the step, and for a plain value what it is read under, of which class it is on the
# wire, and among which values it must be.
ShapeRow = tuple[str, "Step | None", str | None, type | None, Container[Any] | None]


@dataclass(slots=True)
class Selection:
    """What is asked of an object of one type."""

    type_name: str
    entries: list[tuple[str, Step | None]] = field(default_factory=list)
    loads: list[Step] = field(default_factory=list)
    walks: list[Step] = field(default_factory=list)
    rows: list["ShapeRow"] = field(default_factory=list)


@dataclass(slots=True)
class Plan:
    """One operation, prepared."""

    kind: OperationType
    operation: OperationDefinitionNode
    root: Selection
    steps: int
    introspection: dict[str, list[FieldNode]]
    order: list[str]
    price: Callable[[VariableValues], float] | None = None


def switches_of(document: DocumentNode) -> frozenset[str]:
    """Return the names of the variables that stand in ``@skip`` and ``@include`` anywhere in the document."""
    names: set[str] = set()
    pending: list[Any] = list(document.definitions)
    while pending:
        node = pending.pop()
        selection_set = getattr(node, "selection_set", None)
        if selection_set is not None:
            pending.extend(selection_set.selections)
        for directive in getattr(node, "directives", None) or ():
            if directive.name.value in ("skip", "include"):
                names.update(each.value.name.value for each in directive.arguments if isinstance(each.value, VariableNode))
    return frozenset(names)


class Planner:
    """Prepares one operation of one document."""

    def __init__(self, model: Model, document: DocumentNode, flags: Flags, *, max_steps: int, max_depth: int) -> None:
        self._model = model
        self._flags = flags
        self._max_steps = max_steps
        self._max_depth = max_depth
        self._depth = 1
        self._steps = 0
        self._fragments: dict[str, FragmentDefinitionNode] = {
            each.name.value: each for each in document.definitions if isinstance(each, FragmentDefinitionNode)
        }

    def plan(self, operation: OperationDefinitionNode) -> Plan:
        """Return the plan. Raises ``TooLargeError``."""
        root_type = self._model.schema.get_root_type(operation.operation)
        if root_type is None:
            raise GraphQLError(f"There are no operations of the kind {operation.operation.value}.", operation)
        introspection: dict[str, list[FieldNode]] = {}
        root = self._selection(root_type, [operation.selection_set], introspection)
        order = list(self._collect(root_type, [operation.selection_set]))
        return Plan(operation.operation, operation, root, self._steps, introspection, order)

    def _selection(
        self, type_: GraphQLObjectType, sets: list[SelectionSetNode], introspection: dict[str, list[FieldNode]] | None = None
    ) -> Selection:
        selection = Selection(type_.name)
        for response, nodes in self._collect(type_, sets).items():
            name = nodes[0].name.value
            if name == "__typename":
                selection.entries.append((response, None))
            elif name in INTROSPECTION:
                if introspection is not None:
                    introspection[response] = nodes
            else:
                step = self._step(type_, response, nodes)
                selection.entries.append((response, step))
                if isinstance(step.model.source, Load):
                    selection.loads.append(step)
                elif step.has_loads_below:
                    selection.walks.append(step)
        return selection

    def _step(self, type_: GraphQLObjectType, response: str, nodes: list[FieldNode]) -> Step:
        self._steps += 1
        if self._depth > self._max_depth:
            raise TooLargeError("DOCUMENT_TOO_DEEP", f"The document is more than {self._max_depth} fields deep.")
        if self._steps > self._max_steps:
            raise TooLargeError("TOO_MANY_FIELDS", f"The document asks for more than {self._max_steps} fields.")
        model = self._model.types[type_.name][nodes[0].name.value]
        named = model.named_type
        step = Step(
            response=response,
            model=model,
            nodes=nodes,
            index=self._steps - 1,
            is_non_null=is_non_null_type(model.graphql.type),
            is_leaf=is_leaf_type(named),
            fixed_arguments=_fixed_arguments(model, nodes[0]),
        )
        if not step.is_leaf:
            sets = [node.selection_set for node in nodes if node.selection_set is not None]
            self._depth += 1
            step.selections = {each.name: self._selection(each, sets) for each in self._possible_types(named)}
            self._depth -= 1
            step.has_loads_below = any(each.loads or each.walks for each in step.selections.values())
        return step

    def _possible_types(self, named: Any) -> list[GraphQLObjectType]:
        if is_object_type(named):
            return [named]
        return list(self._model.schema.get_possible_types(named))

    def _collect(self, type_: GraphQLObjectType, sets: list[SelectionSetNode]) -> dict[str, list[FieldNode]]:
        """Return the fields asked of the type, merged by response name, in the order of the document."""
        fields: dict[str, list[FieldNode]] = {}
        visited: set[str] = set()
        for each in sets:
            self._collect_into(type_, each, fields, visited)
        return fields

    def _collect_into(
        self, type_: GraphQLObjectType, selections: SelectionSetNode, fields: dict[str, list[FieldNode]], visited: set[str]
    ) -> None:
        for node in selections.selections:
            if not self._is_included(node):
                continue
            if isinstance(node, FieldNode):
                fields.setdefault(node.alias.value if node.alias else node.name.value, []).append(node)
            elif isinstance(node, InlineFragmentNode):
                if self._applies(node, type_):
                    self._collect_into(type_, node.selection_set, fields, visited)
            elif isinstance(node, FragmentSpreadNode) and node.name.value not in visited:
                visited.add(node.name.value)
                fragment = self._fragments[node.name.value]
                if self._applies(fragment, type_):
                    self._collect_into(type_, fragment.selection_set, fields, visited)

    def _applies(self, fragment: FragmentDefinitionNode | InlineFragmentNode, type_: GraphQLObjectType) -> bool:
        condition = fragment.type_condition
        if condition is None or condition.name.value == type_.name:
            return True
        abstract = self._model.schema.type_map[condition.name.value]
        return is_abstract_type(abstract) and self._is_sub_type(abstract, type_)

    def _is_sub_type(self, abstract: Any, type_: GraphQLObjectType) -> bool:
        as_abstract: GraphQLAbstractType = abstract
        return self._model.schema.is_sub_type(as_abstract, type_)

    def _is_included(self, node: Any) -> bool:
        for directive in node.directives or ():
            name = directive.name.value
            if name in ("skip", "include"):
                value = directive.arguments[0].value
                is_on = self._flags.get(value.name.value) if isinstance(value, VariableNode) else value.value
                if bool(is_on) == (name == "skip"):
                    return False
        return True


def _has_variables(value: Any) -> bool:
    if isinstance(value, VariableNode):
        return True
    inner = getattr(value, "values", None) or [each.value for each in getattr(value, "fields", None) or ()]
    return any(_has_variables(each) for each in inner)


def _fixed_arguments(model: FieldModel, node: FieldNode) -> dict[str, Any] | None:
    """Return the arguments where no variable has a part in them."""
    if not model.graphql.args:
        return {}
    if any(_has_variables(argument.value) for argument in node.arguments or ()):
        return None
    try:
        return arguments_to_wire(model.graphql, get_argument_values(model.graphql, node, hide_suggestions=True))
    except GraphQLError:
        return None
