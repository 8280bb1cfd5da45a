"""Sessions: where somebody is signed in, and how that ends."""

from enum import Enum
from typing import Annotated, Any

import strawberry

from graphql_gateway.auth import signed_out
from graphql_gateway.engine.declare import derived, does, planned, reads
from graphql_gateway.schema.described import enum, input_, type_
from graphql_gateway.schema.problems import Problem
from graphql_gateway.schema.scalars import DateTime
from graphql_gateway.schema.services import IDENTITY


@enum
class SignInMethod(Enum):
    """By what somebody proved who they are."""

    PASSWORD = "PASSWORD"  # noqa: S105 - the name of a method
    TOTP = "TOTP"
    RECOVERY_CODE = "RECOVERY_CODE"
    PASSKEY = "PASSKEY"
    OPENID = "OPENID"


@type_
class Session:
    """A program or browser that is signed in."""

    id: strawberry.ID
    created_at: DateTime
    seen_at: DateTime = reads(says="When it was used last, give or take a hundredth of the time that it may be idle.")
    expires_at: DateTime = reads(says="When it ends, unless it is used before.")
    user_agent: str | None = reads(says="What the program called itself when it signed in; at most 200 characters.")
    network_address: str | None = reads(says="Where it signed in from.")
    methods: list[SignInMethod] = reads(size=2)
    is_current: bool = reads(says="Whether it is the one that asks.")


@input_
class EndSessionInput:
    """Which of one's sessions ends."""

    session_id: strawberry.ID


def _always(_row: Any) -> bool:
    return True


@type_
class SignedOut:
    """The session has ended."""

    done: bool = derived(_always)


@type_
class EndedSession:
    """A session that is over."""

    session_id: strawberry.ID


@type_
class EndedSessions:
    """How many sessions are over now."""

    ended: int


@type_
class SessionMutations:
    """How sessions end."""

    @does(IDENTITY, "sign_out", then=signed_out)
    def sign_out(self) -> Annotated[SignedOut | Problem, strawberry.union("SignOutResult")]:
        """End the session that asks. It takes no input: there is nothing to say."""
        planned()

    @does(IDENTITY, "end_session")
    def end_session(
        self, input_: Annotated[EndSessionInput, strawberry.argument(name="input")]
    ) -> Annotated[EndedSession | Problem, strawberry.union("EndSessionResult")]:
        """End one of one's own sessions."""
        planned(input_)

    @does(IDENTITY, "end_other_sessions")
    def end_other_sessions(self) -> Annotated[EndedSessions | Problem, strawberry.union("EndOtherSessionsResult")]:
        """End all of one's sessions but the one that asks. It takes no input."""
        planned()
