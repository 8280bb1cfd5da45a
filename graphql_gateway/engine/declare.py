"""What a field of the graph may be.

A field reads its parent, or it is loaded in a batch, or (at the roots) it does something or watches something. Nothing else: no
field of the graph has code that waits. The declaration travels as metadata on the Strawberry field; the function under it only
names the arguments.
"""

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, ForwardRef, NoReturn, TypeVar, cast

import strawberry

METADATA = "portico"
DEFAULT_LIST_SIZE = 10
VIEWER = "viewer_id"
"""Under which name a personal update learns who watches."""
MOST_KEYS = 500
Function = TypeVar("Function", bound=Callable[..., Any])
Row = Mapping[str, Any]


class Planned(Exception):  # noqa: N818 - says what the field is
    """Fields are answered by the plan; their functions are never called."""


def planned(*_arguments: object) -> NoReturn:
    """Stand in for the body of a field that has arguments."""
    raise Planned


@dataclass(frozen=True, slots=True)
class Parent:
    """The key is what the parent has under this name; where it has nothing there, the field is null."""

    name: str


@dataclass(frozen=True, slots=True)
class Argument:
    """The key is this argument."""

    name: str


@dataclass(frozen=True, slots=True)
class Constant:
    """The key is always this."""

    value: Any


@dataclass(frozen=True, slots=True)
class Parts:
    """The key is an object put together from other keys; parts that are absent are left out."""

    parts: Mapping[str, Parent | Argument | Constant]


@dataclass(frozen=True, slots=True)
class FirstGiven:
    """The key is an object with the first of these arguments that is given, or ``otherwise`` where none is.

    The arguments travel all the same: ``Load.arrange`` leaves out the one that became the key.
    """

    names: tuple[str, ...]
    otherwise: Any


Key = Parent | Argument | Constant | Parts | FirstGiven


@dataclass(frozen=True, slots=True)
class Read:
    """The field is what its parent has under ``name`` (the field's own name where that is None)."""

    name: str | None = None
    size: int = DEFAULT_LIST_SIZE
    is_paged: bool = False


@dataclass(frozen=True, slots=True)
class Derived:
    """The field is a pure function of its parent."""

    function: Callable[[Any], Any]
    size: int = DEFAULT_LIST_SIZE
    is_paged: bool = False


@dataclass(frozen=True, slots=True)
class Load:
    """The field is a row of ``POST /load/<name>``: the row of the key.

    ``spread`` names an input argument whose fields travel as the load's arguments; otherwise every argument that the key does not
    use travels under its own name. ``weight`` is what one key costs in the price of a document. ``kinds`` is only for a key whose
    prefix tells what is meant: it maps the prefix to the type, the service and the load. ``arrange`` puts the arguments into the
    form that the load takes. ``inline`` names where a parent may already carry the row. ``most_keys`` is how many the load
    takes at once.
    """

    service: str
    name: str
    key: Key
    spread: str | None = None
    weight: float = 1.0
    size: int = DEFAULT_LIST_SIZE
    kinds: Mapping[str, tuple[str, str, str]] = field(default_factory=dict)
    arrange: Callable[[Row], dict[str, Any]] | None = None
    inline: str | None = None
    most_keys: int = MOST_KEYS


@dataclass(frozen=True, slots=True)
class Do:
    """The field is the result of ``POST /do/<verb>``, with the field's ``input`` as its body.

    ``keeps`` names what of the input stays in the gateway, ``adds`` what of the context goes along; ``then`` is told what was
    asked and what came of it.
    """

    service: str
    verb: str
    keeps: tuple[str, ...] = ()
    adds: tuple[str, ...] = ()
    then: Callable[[Any, Row, dict[str, Any]], None] | None = None


@dataclass(frozen=True, slots=True)
class Watch:
    """The field is an update: whenever ``concerns`` says so of something heard under ``keys``, ``load`` is read again.

    ``concerns(data, args)`` gives the key to re-read, or None. ``admits`` is read once, at the beginning: who may not see that
    row may not watch. Where it ``is_personal``, ``args`` also say who watches (``VIEWER``).
    """

    keys: tuple[str, ...]
    concerns: Callable[[Row, Row], Any]
    load: Load
    admits: Load | None = None
    is_personal: bool = False


Source = Read | Derived | Load | Do | Watch


def _field(source: Source, **more: Any) -> Any:
    return strawberry.field(metadata={METADATA: source}, **more)


def reads(name: str | None = None, *, size: int = DEFAULT_LIST_SIZE, is_paged: bool = False, says: str | None = None) -> Any:
    """Declare a field that reads its parent under another name, or a list of a known size."""
    return _field(Read(name, size, is_paged), description=says)


def derived(
    function: Callable[[Any], Any], *, size: int = DEFAULT_LIST_SIZE, is_paged: bool = False, says: str | None = None
) -> Any:
    """Declare a field that is a pure function of its parent."""
    return _field(Derived(function, size, is_paged), description=says)


def loads(load: Load, type_: Any = None, *, says: str | None = None) -> Any:
    """Declare a field without arguments that is loaded in a batch."""
    return _field(load, graphql_type=type_, description=says)


def asks(load: Load, type_: Any = None) -> Callable[[Function], Function]:
    """Declare a field with arguments that is loaded in a batch; the function's docstring describes it."""
    return _with_arguments(load, graphql_type=type_)


def does(service: str, verb: str, **more: Any) -> Callable[[Function], Function]:
    """Declare a mutation; the function's docstring describes it."""
    return _with_arguments(Do(service, verb, **more))


def watches(watch: Watch) -> Callable[[Function], Function]:
    """Declare an update; the function's docstring describes it."""
    return _with_arguments(watch, is_subscription=True)


def _with_arguments(source: Source, **more: Any) -> Callable[[Function], Function]:
    def declare(function: Function) -> Function:
        declared: Any = strawberry.field(function, metadata={METADATA: source}, description=inspect.getdoc(function), **more)
        return cast("Function", declared)

    return declare


def later(module: str, name: str) -> Any:
    """Return a nullable type that is defined in a module further up, so that types may refer to each other without a cycle."""
    return Annotated[ForwardRef(name), strawberry.lazy(f"graphql_gateway.schema.{module}")] | None
