"""Outside OpenID providers: which there are, and to which of them an account is linked."""

from typing import Annotated

import strawberry

from graphql_gateway.auth import begun_outside
from graphql_gateway.engine.declare import Constant, Load, does, loads, planned
from graphql_gateway.schema.described import input_, type_
from graphql_gateway.schema.problems import Problem
from graphql_gateway.schema.scalars import URL, DateTime
from graphql_gateway.schema.services import IDENTITY


@type_
class OpenIdProvider:
    """A provider through which people may sign in."""

    name: str
    title: str


@type_
class OutsideIdentity:
    """An account with a provider that opens one's account here."""

    provider: str
    title: str
    linked_at: DateTime
    last_used_at: DateTime


@type_
class OpenIdQueries:
    """What may be asked about providers."""

    open_id_providers: list[OpenIdProvider] | None = loads(
        Load(IDENTITY, "open_id_providers", Constant("all")), says="The providers through which people may sign in."
    )


@input_
class BeginOpenIdSignInInput:
    """Through which provider; `returnTo` is the path of this portal where the browser goes on afterwards."""

    provider: str
    return_to: str | None = None


@input_
class LinkOpenIdInput:
    """To which provider one's account is to be linked; `returnTo` as for signing in."""

    provider: str
    return_to: str | None = None


@input_
class UnlinkOpenIdInput:
    """Through which provider one does not want to sign in any more."""

    provider: str


@type_
class OpenIdBegun:
    """The way to a provider: where the browser goes now, and the state that it comes back with."""

    url: URL
    state: str


@type_
class OpenIdLinked:
    """One's account is linked to a provider."""

    provider: str


@type_
class OpenIdUnlinked:
    """One's account is not linked to a provider any more."""

    provider: str


@type_
class OpenIdMutations:
    """How accounts and outside identities come together and part."""

    @does(IDENTITY, "begin_open_id_sign_in", adds=("network_address",), then=begun_outside)
    def begin_open_id_sign_in(
        self, input_: Annotated[BeginOpenIdSignInInput, strawberry.argument(name="input")]
    ) -> Annotated[OpenIdBegun | Problem, strawberry.union("BeginOpenIdSignInResult")]:
        """Begin to sign in through a provider. A cookie binds the way back to this browser."""
        planned(input_)

    @does(IDENTITY, "link_open_id", adds=("network_address",), then=begun_outside)
    def link_open_id(
        self, input_: Annotated[LinkOpenIdInput, strawberry.argument(name="input")]
    ) -> Annotated[OpenIdBegun | Problem, strawberry.union("LinkOpenIdResult")]:
        """Begin to link one's account to a provider; the way back is that of signing in. Asks for a fresh session."""
        planned(input_)

    @does(IDENTITY, "unlink_open_id")
    def unlink_open_id(
        self, input_: Annotated[UnlinkOpenIdInput, strawberry.argument(name="input")]
    ) -> Annotated[OpenIdUnlinked | Problem, strawberry.union("UnlinkOpenIdResult")]:
        """Sign in through a provider no more. Asks for a fresh session."""
        planned(input_)
