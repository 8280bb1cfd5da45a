"""Asking: a plan is walked breadth-first over the rows that are there; each level's loads leave together, one call for each load.

The walk knows only keys. What comes back is kept per load and key, so that a row wanted twice is asked for once, on whatever
level. Shaping reads it from there.
"""

import asyncio
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple, Protocol

import orjson
from graphql import GraphQLError
from graphql.execution.values import VariableValues

from graphql_gateway.engine.declare import Argument, Constant, Derived, Do, FirstGiven, Key, Load, Parent, Parts, Read
from graphql_gateway.engine.failures import Failure
from graphql_gateway.engine.plan import Selection, Step

NOTHING: Any = type("Nothing", (), {"__repr__": lambda _: "NOTHING"})()


class Tagged(NamedTuple):
    """A row whose type the place does not tell."""

    type_name: str
    row: Any


class Calls(Protocol):
    """How the engine reaches the services, on behalf of the one who asks."""

    async def load(self, service: str, name: str, keys: list[Any], args: dict[str, Any]) -> Sequence[Any] | Failure:
        """Return one row for each key, or why there are none."""
        ...

    async def do(self, step: Do, asked: dict[str, Any], field: str) -> Any | Failure:
        """Return the result of a mutation, or why it is refused; ``field`` is its name in the response."""
        ...


class Batch:
    """One load with one set of arguments: what is known, and what is still to be asked."""

    __slots__ = ("args", "most_keys", "name", "rows", "service", "wanted")

    def __init__(self, service: str, name: str, args: dict[str, Any], most_keys: int) -> None:
        self.most_keys = most_keys
        self.service = service
        self.name = name
        self.args = args
        self.rows: dict[Any, Any] = {}
        self.wanted: dict[Any, Any] = {}

    def take_wanted(self) -> list[dict[Any, Any]]:
        """Return what is still to be asked, in parts that the load takes at once."""
        wanted, self.wanted = self.wanted, {}
        if len(wanted) <= self.most_keys:
            return [wanted]
        pairs = list(wanted.items())
        return [dict(pairs[start : start + self.most_keys]) for start in range(0, len(pairs), self.most_keys)]


class Bound:
    """One load step with this request's arguments: its batch, and how its keys are found."""

    __slots__ = ("batch", "inline", "key", "tag", "values")

    def __init__(self, batch: Batch, load: Load, values: dict[str, Any], tag: str | None) -> None:
        self.batch = batch
        self.key = load.key
        self.inline = load.inline
        self.values = values
        self.tag = tag

    def key_of(self, parent: Any) -> Any:
        """Return the key on the wire, or ``NOTHING`` where there is none."""
        return _key_of(self.key, parent, self.values)

    def row_of(self, parent: Any) -> Any:
        """Return the row that was loaded for a parent: a row, None, or a ``Failure``."""
        key = self.key_of(parent)
        if key is NOTHING:
            return None
        row = self.batch.rows.get(_identity(key))
        if self.tag is not None and row is not None and type(row) is not Failure:
            return Tagged(self.tag, row)
        return row


def _key_of(key: Key, parent: Any, values: dict[str, Any]) -> Any:
    if type(key) is Parent:
        value = parent.get(key.name)
        return NOTHING if value is None else value
    if type(key) is Argument:
        value = values.get(key.name)
        return NOTHING if value is None else value
    if type(key) is Constant:
        return key.value
    if type(key) is FirstGiven:
        return next(({name: values[name]} for name in key.names if values.get(name) is not None), key.otherwise)
    assert type(key) is Parts
    found = {name: _key_of(part, parent, values) for name, part in key.parts.items()}
    return {name: value for name, value in found.items() if value is not NOTHING}


def _identity(key: Any) -> Any:
    return key if type(key) is str else orjson.dumps(key, option=orjson.OPT_SORT_KEYS)


def _arguments_used(key: Key) -> frozenset[str]:
    if isinstance(key, Argument):
        return frozenset({key.name})
    if isinstance(key, Parts):
        return frozenset().union(*(_arguments_used(part) for part in key.parts.values()))
    return frozenset()


class Run:
    """One pass over a plan: the rows that were loaded, and the errors that were found."""

    def __init__(self, calls: Calls, variables: VariableValues) -> None:
        self.calls = calls
        self.variables = variables
        self.errors: list[Any] = []
        self.shaped: dict[tuple[int, int], dict[str, Any]] = {}
        self._batches: dict[tuple[str, str, bytes], Batch] = {}
        self._bound: dict[int, Bound | GraphQLError | None] = {}

    def bound(self, step: Step) -> Bound | GraphQLError | None:
        """Return a load step with its arguments, the error in them, or None where it can only be null."""
        if step.index not in self._bound:
            self._bound[step.index] = self._bind(step)
        return self._bound[step.index]

    def _bind(self, step: Step) -> Bound | GraphQLError | None:
        load = step.model.source
        assert isinstance(load, Load)
        try:
            values = step.arguments(self.variables)
        except GraphQLError as error:
            return error
        return self.bind_load(load, values)

    def bind_load(self, load: Load, values: dict[str, Any]) -> Bound | None:
        """Return a load with its arguments, or None where no load fits them."""
        service, name, tag = load.service, load.name, None
        if load.spread is not None:
            values = {**values, **(values.get(load.spread) or {})}
            values.pop(load.spread, None)
        if load.kinds:
            assert isinstance(load.key, Argument)
            kind = load.kinds.get(str(values.get(load.key.name)).partition("_")[0])
            if kind is None:
                return None
            tag, service, name = kind
        used = _arguments_used(load.key)
        args = {argument: value for argument, value in values.items() if argument not in used and value is not None}
        if load.arrange is not None:
            args = load.arrange(args)
        place = (service, name, orjson.dumps(args, option=orjson.OPT_SORT_KEYS))
        batch = self._batches.get(place)
        if batch is None:
            batch = self._batches[place] = Batch(service, name, args, load.most_keys)
        return Bound(batch, load, values, tag)

    async def gather(self, selection: Selection, parents: list[Any]) -> None:
        """Load everything that the selection asks for, level by level."""
        frontier = [(selection, parents)]
        while frontier:
            waiting = self._walk(frontier)
            await self._ask()
            frontier = []
            for step, bound, keys in waiting:
                rows = (bound.batch.rows.get(identity) for identity in keys)
                if bound.tag is not None:
                    rows = (Tagged(bound.tag, row) for row in rows if type(row) is dict)
                frontier.extend(children_of(step, rows))

    def _walk(self, frontier: list[tuple[Selection, list[Any]]]) -> list[tuple[Step, Bound, dict[Any, None]]]:
        """Note every key that this level wants; return the loads to walk on from once they are answered."""
        waiting = []
        while frontier:
            selection, parents = frontier.pop()
            for step in selection.walks:
                frontier.extend(children_of(step, (fetch(step, parent) for parent in parents)))
            for step in selection.loads:
                bound = self.bound(step)
                if isinstance(bound, Bound):
                    keys = self._want(bound, parents)
                    if step.has_loads_below:
                        waiting.append((step, bound, keys))
        return waiting

    def _want(self, bound: Bound, parents: list[Any]) -> dict[Any, None]:
        keys: dict[Any, None] = {}
        batch = bound.batch
        for parent in parents:
            key = bound.key_of(parent)
            if key is not NOTHING:
                identity = _identity(key)
                keys[identity] = None
                if identity not in batch.rows:
                    row = parent.get(bound.inline) if bound.inline is not None else None
                    if row is not None:
                        batch.rows[identity] = row
                        batch.wanted.pop(identity, None)
                    else:
                        batch.wanted[identity] = key
        return keys

    async def _ask(self) -> None:
        calls = [(batch, wanted) for batch in self._batches.values() if batch.wanted for wanted in batch.take_wanted()]
        if len(calls) == 1:
            await self._fill(*calls[0])
        elif calls:
            async with asyncio.TaskGroup() as together:
                for batch, wanted in calls:
                    together.create_task(self._fill(batch, wanted))

    async def _fill(self, batch: Batch, wanted: dict[Any, Any]) -> None:
        rows = await self.calls.load(batch.service, batch.name, list(wanted.values()), batch.args)
        if isinstance(rows, Failure):
            batch.rows.update(dict.fromkeys(wanted, rows))
        else:
            batch.rows.update(zip(wanted, rows, strict=True))


async def first_row(run: Run, load: Load, values: dict[str, Any]) -> Any:
    """Return one row of a load by itself: a row, None, or a ``Failure``."""
    bound = run.bind_load(load, values)
    if bound is None:
        return None
    key = bound.key_of({})
    if key is NOTHING:
        return None
    rows = await run.calls.load(bound.batch.service, bound.batch.name, [key], bound.batch.args)
    return rows if isinstance(rows, Failure) else rows[0]


def fetch(step: Step, parent: Any) -> Any:
    """Return what a field that reads its parent reads."""
    source = step.model.source
    if type(source) is Read:
        return parent.get(source.name)
    assert type(source) is Derived
    return source.function(parent)


def children_of(step: Step, values: Iterable[Any]) -> list[tuple[Selection, list[Any]]]:
    """Return the objects among the values, through lists, each with what is asked of its type."""
    plain: list[Any] = []
    tagged: dict[str, list[Any]] = {}
    pending = list(values)
    while pending:
        value = pending.pop()
        if type(value) is dict:
            plain.append(value)
        elif type(value) is Tagged:
            tagged.setdefault(value.type_name, []).append(value.row)
        elif type(value) is list:
            pending.extend(value)
    found = [(step.selections[name], rows) for name, rows in tagged.items() if name in step.selections]
    if plain and len(step.selections) == 1:
        found.append((next(iter(step.selections.values())), plain))
    return found
