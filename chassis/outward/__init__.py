"""The one door to the outside world: asking an address that a stranger gave, without becoming a way into networks of others.

An address is read strictly, the numbers that its name stands for are judged, and the connection goes to the very numbers that
were judged. No redirect is followed; whoever follows one comes through the door again.
"""

from chassis.outward.addresses import (
    LONGEST,
    AddressNotAllowed,
    Allowed,
    Network,
    Place,
    judge,
    read_networks,
    read_place,
    read_ports,
)
from chassis.outward.door import AddressNotReachable, AnswerNotReadable, Door, Resolve, resolve

__all__ = [
    "LONGEST",
    "AddressNotAllowed",
    "AddressNotReachable",
    "Allowed",
    "AnswerNotReadable",
    "Door",
    "Network",
    "Place",
    "Resolve",
    "judge",
    "read_networks",
    "read_place",
    "read_ports",
    "resolve",
]
