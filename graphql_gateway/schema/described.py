"""Strawberry's decorators, with the class's docstring as the description in the graph."""

import inspect
from enum import EnumMeta
from typing import TypeVar

import strawberry

Class = TypeVar("Class", bound=type)
Members = TypeVar("Members", bound=EnumMeta)


def type_(cls: Class) -> Class:
    """Make the class an object type of the graph."""
    made: Class = strawberry.type(cls, description=inspect.getdoc(cls))
    return made


def interface(cls: Class) -> Class:
    """Make the class an interface of the graph."""
    made: Class = strawberry.interface(cls, description=inspect.getdoc(cls))
    return made


def input_(cls: Class) -> Class:
    """Make the class an input type of the graph."""
    made: Class = strawberry.input(cls, description=inspect.getdoc(cls))
    return made


def enum(cls: Members) -> Members:
    """Make the class an enumeration of the graph."""
    return strawberry.enum(cls, description=inspect.getdoc(cls))
