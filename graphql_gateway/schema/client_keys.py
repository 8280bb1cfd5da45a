"""Client keys: public keys by which applications prove themselves instead of by a secret (RFC 7523, ``private_key_jwt``)."""

from typing import Annotated

import strawberry

from graphql_gateway.engine.declare import does, planned, reads
from graphql_gateway.schema.described import input_, type_
from graphql_gateway.schema.problems import Problem
from graphql_gateway.schema.scalars import DateTime

_IDENTITY = "identity"
MOST_LIVE = 2


@type_
class ClientKey:
    """A public key that proves an application. The private key never leaves its owner."""

    id: strawberry.ID
    kid: str = reads(says="What its owner calls it in the header of an assertion; the thumbprint where it has no name.")
    thumbprint: str = reads(says="The SHA-256 of the key in base64url (RFC 7638).")
    algorithms: list[str] = reads(size=6, says="What assertions may be signed with (JWS algorithms).")
    created_at: DateTime
    application_id: strawberry.ID


@input_
class RegisterClientKeyInput:
    """A public key for an application."""

    application_id: strawberry.ID
    jwk: str = strawberry.field(
        description="The public key as a JSON Web Key (RFC 7517): RSA of 2048 bits or more, P-256, P-384, P-521 or Ed25519."
    )


@input_
class RemoveClientKeyInput:
    """Which key proves nothing any more."""

    client_key_id: strawberry.ID


@type_
class RemovedClientKey:
    """A key that proves nothing any more."""

    id: strawberry.ID
    application_id: strawberry.ID


@type_
class ClientKeyMutations:
    """What is done with the keys of applications."""

    @does(_IDENTITY, "register_client_key")
    def register_client_key(
        self, input_: Annotated[RegisterClientKeyInput, strawberry.argument(name="input")]
    ) -> Annotated[ClientKey | Problem, strawberry.union("RegisterClientKeyResult")]:
        """Let an application prove itself by one more public key. At most two are live, so that one can succeed the other."""
        planned(input_)

    @does(_IDENTITY, "remove_client_key")
    def remove_client_key(
        self, input_: Annotated[RemoveClientKeyInput, strawberry.argument(name="input")]
    ) -> Annotated[RemovedClientKey | Problem, strawberry.union("RemoveClientKeyResult")]:
        """Remove a key; tokens that it obtained are refused from now on."""
        planned(input_)
