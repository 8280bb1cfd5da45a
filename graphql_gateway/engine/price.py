"""What a document may ask for: it is measured before it is validated, and priced before it is run.

The price is the number of objects that could come back, each with a tenth of a point for every plain value in it: list sizes
(``first``, or what a list without pages is declared to hold) are multiplied on the way down.
"""

from dataclasses import dataclass
from typing import Any

from graphql import DocumentNode, FieldNode, GraphQLError
from graphql.execution.values import VariableValues

from graphql_gateway.engine.declare import Derived, Load, Read, Watch
from graphql_gateway.engine.plan import INTROSPECTION, Plan, Selection, Step, TooLargeError

VALUE_PRICE = 0.1
DEFAULT_PAGE = 20


@dataclass(frozen=True, slots=True)
class Limits:
    """The bounds of one document."""

    tokens: int = 2000
    depth: int = 16
    aliases: int = 30
    fields: int = 300
    steps: int = 1500
    price: int = 10_000


def measure(document: DocumentNode, limits: Limits) -> None:
    """Raise ``TooLargeError`` for a document that is too deep, or has too many aliases or fields, as it is written."""
    aliases = fields = 0
    pending: list[tuple[Any, int]] = [(definition, 0) for definition in document.definitions]
    while pending:
        node, depth = pending.pop()
        if depth > limits.depth:
            raise TooLargeError("DOCUMENT_TOO_DEEP", f"The document is more than {limits.depth} fields deep.")
        selection_set = getattr(node, "selection_set", None)
        if isinstance(node, FieldNode):
            fields += 1
            aliases += node.alias is not None
            if node.name.value in INTROSPECTION:
                continue
        if selection_set is not None:
            pending.extend((each, depth + isinstance(each, FieldNode)) for each in selection_set.selections)
    if aliases > limits.aliases:
        raise TooLargeError("TOO_MANY_ALIASES", f"The document has more than {limits.aliases} aliases.")
    if fields > limits.fields:
        raise TooLargeError("TOO_MANY_FIELDS", f"The document has more than {limits.fields} fields.")


def price_of(plan: Plan, variables: VariableValues) -> float:
    """Return the price of an operation with its variables."""
    return _price(plan.root, variables, 1)


def check_price(plan: Plan, variables: VariableValues, limits: Limits) -> None:
    """Raise ``TooLargeError`` for an operation that could bring back too much."""
    price = price_of(plan, variables)
    if price > limits.price:
        raise TooLargeError(
            "DOCUMENT_TOO_EXPENSIVE",
            f"The document costs {price:.0f} points of at most {limits.price}: ask for smaller pages (first) or fewer lists.",
        )


def _price(selection: Selection, variables: VariableValues, page: int) -> float:
    price = 1.0
    for _, step in selection.entries:
        if step is None or step.is_leaf:
            price += VALUE_PRICE
        else:
            price += _price_of_step(step, variables, page)
    return price


def _price_of_step(step: Step, variables: VariableValues, page: int) -> float:
    source = step.model.source
    count = 1
    if isinstance(source, Read | Derived) and source.is_paged:
        count = page
    elif step.model.is_list and isinstance(source, Read | Derived | Load):
        count = source.size
    page_below = _first(step, variables) if "first" in step.model.graphql.args else page
    below = max((_price(each, variables, page_below) for each in step.selections.values()), default=0.0)
    weight = source.weight if isinstance(source, Load) else source.load.weight if isinstance(source, Watch) else 0.0
    return weight + count * below


def _first(step: Step, variables: VariableValues) -> int:
    try:
        first = step.arguments(variables).get("first")
    except GraphQLError:
        return 0
    return max(first, 0) if isinstance(first, int) else DEFAULT_PAGE
