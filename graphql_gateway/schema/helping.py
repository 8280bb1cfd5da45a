"""How to ask for help with something that stands in the graph: what one of the support requests takes."""

from collections.abc import Mapping
from enum import Enum
from typing import Any

import strawberry

from graphql_gateway.schema.described import enum, type_


@enum
class SupportCategory(Enum):
    """What kind of help is asked for."""

    QUESTION = "QUESTION"
    ONBOARDING = "ONBOARDING"
    ACCESS = "ACCESS"
    CALLS = "CALLS"
    ACCOUNT = "ACCOUNT"
    FAULT = "FAULT"
    OTHER = "OTHER"


@type_
class HelpWith:
    """How to ask for help with something: `openSupportRequest` takes both."""

    about: strawberry.ID
    category: SupportCategory


_CATEGORIES = {"ONBOARDING": "ONBOARDING", "CALL": "CALLS", "SIGN_IN": "ACCOUNT"}


def help_with_requirement(row: Mapping[str, Any]) -> dict[str, Any]:
    """Return how to ask for help with a step: about its thing, or, where it is still to be taken, about the step itself.

    What is to be taken may be a draft, of which support has not heard.
    """
    thing_id = None if row["state"] == "OPEN" else row.get("thing_id")
    return {"about": thing_id or row["step"], "category": _CATEGORIES.get(row["kind"], "ACCESS")}
