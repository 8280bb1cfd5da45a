"""Privacy: what is kept about oneself, and its end."""

from typing import Annotated

import strawberry

from graphql_gateway.auth import signed_out
from graphql_gateway.engine.declare import does, planned, reads
from graphql_gateway.schema.described import input_, type_
from graphql_gateway.schema.problems import Problem
from graphql_gateway.schema.scalars import DateTime
from graphql_gateway.schema.services import IDENTITY


@input_
class ExportMyDataInput:
    """The password; who has signed in within a quarter of an hour may leave it out."""

    password: str | None = strawberry.UNSET


@input_
class EraseMyAccountInput:
    """The password; who has none signs in anew instead."""

    password: str | None = strawberry.UNSET


@type_
class MyData:
    """Everything that is kept about a person, except for what proves who they are."""

    document: str = reads(says="A JSON document (RFC 8259).")
    exported_at: DateTime


@type_
class ErasedAccount:
    """An account that is gone. Its id will be nobody's."""

    user_id: strawberry.ID


@type_
class PrivacyMutations:
    """What a person may ask about what is kept about them."""

    @does(IDENTITY, "export_my_data")
    def export_my_data(
        self, input_: Annotated[ExportMyDataInput, strawberry.argument(name="input")]
    ) -> Annotated[MyData | Problem, strawberry.union("ExportMyDataResult")]:
        """Read everything that is kept about oneself."""
        planned(input_)

    @does(IDENTITY, "erase_my_account", then=signed_out)
    def erase_my_account(
        self, input_: Annotated[EraseMyAccountInput, strawberry.argument(name="input")]
    ) -> Annotated[ErasedAccount | Problem, strawberry.union("EraseMyAccountResult")]:
        """Erase one's account and everything kept about oneself; organizations in which one is alone go with it."""
        planned(input_)
