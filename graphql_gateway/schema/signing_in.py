"""Signing in: from a proof to a session, by way of a second factor where there is one."""

from enum import Enum
from typing import Annotated

import strawberry

from graphql_gateway.auth import signed_in
from graphql_gateway.engine.declare import does, planned, reads
from graphql_gateway.schema.accounts import User
from graphql_gateway.schema.described import enum, input_, type_
from graphql_gateway.schema.factors import PasskeyChallenge
from graphql_gateway.schema.openid import OpenIdLinked
from graphql_gateway.schema.problems import Problem
from graphql_gateway.schema.scalars import DateTime
from graphql_gateway.schema.services import IDENTITY

_SEEN = ("network_address", "user_agent")


@enum
class SecondFactorMethod(Enum):
    """By what a second factor may be given."""

    TOTP = "TOTP"
    PASSKEY = "PASSKEY"
    RECOVERY_CODE = "RECOVERY_CODE"


@type_
class SignedIn:
    """A new session."""

    token: str | None = strawberry.field(description="Send it as `Authorization: Bearer …`. Null where a cookie carries it.")
    csrf_token: str | None = strawberry.field(description="A page sends it as the header `Portico-CSRF` with each request.")
    expires_at: DateTime
    user: User


@type_
class SecondFactorNeeded:
    """So far so good: answer this challenge with a second factor. It is good once, for five minutes and five answers."""

    challenge: str
    methods: list[SecondFactorMethod] = reads(size=3)
    expires_at: DateTime
    passkey_options: str | None = strawberry.field(
        description="JSON text for `PublicKeyCredential.parseRequestOptionsFromJSON`, where a passkey is among the methods."
    )


@type_
class Reauthenticated:
    """The session is fresh: what asks for a fresh one may be done within fifteen minutes."""

    authenticated_at: DateTime


@input_
class SignInInput:
    """E-mail address and password; `cookie` asks for a cookie session, for pages."""

    email: str
    password: str
    cookie: bool = False


@input_
class AnswerSecondFactorInput:
    """A challenge and exactly one answer to it; `cookie` asks for a cookie session, for pages."""

    challenge: str
    code: str | None = None
    recovery_code: str | None = None
    passkey: str | None = strawberry.field(default=None, description="What `PublicKeyCredential.toJSON()` gives, as JSON text.")
    cookie: bool = False


@input_
class SignInWithPasskeyInput:
    """A passkey's answer to a challenge; `cookie` asks for a cookie session, for pages."""

    challenge: str
    credential: str = strawberry.field(description="What `PublicKeyCredential.toJSON()` gives, as JSON text.")
    cookie: bool = False


@input_
class ReauthenticateInput:
    """The password (and a code or recovery code of who has a second factor), or a passkey with its challenge."""

    password: str | None = None
    code: str | None = None
    recovery_code: str | None = None
    passkey: str | None = strawberry.field(default=None, description="What `PublicKeyCredential.toJSON()` gives, as JSON text.")
    challenge: str | None = strawberry.field(default=None, description="The challenge of beginPasskeySignIn, for a passkey.")


@input_
class FinishOpenIdSignInInput:
    """What a program brings back from a provider: the parameters `state`, `code` and `iss` of the way back."""

    state: str
    code: str
    issuer: str | None = None
    cookie: bool = False


@type_
class SigningInMutations:
    """How sessions begin."""

    @does(IDENTITY, "sign_in", keeps=("cookie",), adds=_SEEN, then=signed_in)
    def sign_in(
        self, input_: Annotated[SignInInput, strawberry.argument(name="input")]
    ) -> Annotated[SignedIn | SecondFactorNeeded | Problem, strawberry.union("SignInResult")]:
        """Begin a session, or learn that a second factor is needed."""
        planned(input_)

    @does(IDENTITY, "answer_second_factor", keeps=("cookie",), adds=_SEEN, then=signed_in)
    def answer_second_factor(
        self, input_: Annotated[AnswerSecondFactorInput, strawberry.argument(name="input")]
    ) -> Annotated[SignedIn | Problem, strawberry.union("AnswerSecondFactorResult")]:
        """Begin the session that a challenge stands before."""
        planned(input_)

    @does(IDENTITY, "begin_passkey_sign_in", adds=_SEEN)
    def begin_passkey_sign_in(self) -> Annotated[PasskeyChallenge | Problem, strawberry.union("BeginPasskeySignInResult")]:
        """Ask for what a browser needs to sign in by a passkey alone; it is the same for everybody."""
        planned()

    @does(IDENTITY, "sign_in_with_passkey", keeps=("cookie",), adds=_SEEN, then=signed_in)
    def sign_in_with_passkey(
        self, input_: Annotated[SignInWithPasskeyInput, strawberry.argument(name="input")]
    ) -> Annotated[SignedIn | Problem, strawberry.union("SignInWithPasskeyResult")]:
        """Begin a session by a passkey alone, which has to verify its owner (by a PIN or a finger)."""
        planned(input_)

    @does(IDENTITY, "finish_open_id_sign_in", keeps=("cookie",), adds=_SEEN, then=signed_in)
    def finish_open_id_sign_in(
        self, input_: Annotated[FinishOpenIdSignInInput, strawberry.argument(name="input")]
    ) -> Annotated[SignedIn | SecondFactorNeeded | OpenIdLinked | Problem, strawberry.union("FinishOpenIdSignInResult")]:
        """Finish what beginOpenIdSignIn or linkOpenId began. Browsers do so at the gateway's own page; this is for programs."""
        planned(input_)

    @does(IDENTITY, "reauthenticate", adds=_SEEN)
    def reauthenticate(
        self, input_: Annotated[ReauthenticateInput, strawberry.argument(name="input")]
    ) -> Annotated[Reauthenticated | Problem, strawberry.union("ReauthenticateResult")]:
        """Prove anew who one is, so that the session is fresh for what asks for that."""
        planned(input_)
