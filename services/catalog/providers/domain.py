"""What is true of providers."""

from chassis.errors import Forbidden


class NotAProvider(Forbidden):
    """The organization does not have the standing of a provider; ask the operator for it."""


class OperatorOnly(Forbidden):
    """Only the operator's administrators may do this."""
