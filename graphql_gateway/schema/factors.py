"""Second factors: apps that show one-time codes, passkeys, and the recovery codes that stand in for them."""

from enum import Enum
from typing import Annotated

import strawberry

from graphql_gateway.engine.declare import does, planned, reads
from graphql_gateway.schema.described import enum, input_, type_
from graphql_gateway.schema.problems import Problem
from graphql_gateway.schema.scalars import DateTime
from graphql_gateway.schema.services import IDENTITY

RECOVERY_CODES = 10


@enum
class FactorKind(Enum):
    """What a factor is."""

    TOTP = "TOTP"
    PASSKEY = "PASSKEY"


@type_
class Factor:
    """Something that its owner has, and by which they prove who they are beside a password."""

    id: strawberry.ID
    kind: FactorKind
    name: str
    created_at: DateTime
    last_used_at: DateTime | None


@input_
class EnrolTotpInput:
    """What the app is to be called, so that its owner tells it from others."""

    name: str = "Authenticator app"


@input_
class ConfirmTotpInput:
    """The first code that the app shows."""

    factor_id: strawberry.ID
    code: str


@input_
class RegisterPasskeyInput:
    """A passkey that the browser has made for a challenge."""

    challenge: str
    credential: str = strawberry.field(description="What `PublicKeyCredential.toJSON()` gives, as JSON text.")
    name: str = "Passkey"


@input_
class RemoveFactorInput:
    """Which factor is to count no more."""

    factor_id: strawberry.ID


@type_
class TotpEnrolment:
    """A factor that counts once its first code is confirmed. The secret is told now and never again."""

    factor_id: strawberry.ID
    secret: str = strawberry.field(description="In base32, to be typed into the app.")
    address: str = strawberry.field(description="The `otpauth://` address of the same, to be shown as a picture (QR code).")


@type_
class FactorEnrolled:
    """A factor that counts from now on."""

    factor: Factor
    recovery_codes: list[str] = reads(
        size=RECOVERY_CODES, says="Ten with the first factor, told now and never again; otherwise none. Each is good once."
    )


@type_
class RecoveryCodes:
    """New recovery codes, told now and never again; the former ones are good for nothing."""

    recovery_codes: list[str] = reads(size=RECOVERY_CODES)


@type_
class PasskeyChallenge:
    """What a browser is asked, and the challenge to send along with its answer."""

    challenge: str
    options: str = strawberry.field(
        description="JSON text for `PublicKeyCredential.parseCreationOptionsFromJSON` or `parseRequestOptionsFromJSON`."
    )
    expires_at: DateTime


@type_
class RemovedFactor:
    """A factor that counts no more."""

    factor_id: strawberry.ID


@type_
class FactorMutations:
    """How factors come and go. Each asks for a session whose owner has proved who they are within fifteen minutes."""

    @does(IDENTITY, "enrol_totp")
    def enrol_totp(
        self, input_: Annotated[EnrolTotpInput, strawberry.argument(name="input")]
    ) -> Annotated[TotpEnrolment | Problem, strawberry.union("EnrolTotpResult")]:
        """Begin to use an app that shows one-time codes."""
        planned(input_)

    @does(IDENTITY, "confirm_totp")
    def confirm_totp(
        self, input_: Annotated[ConfirmTotpInput, strawberry.argument(name="input")]
    ) -> Annotated[FactorEnrolled | Problem, strawberry.union("ConfirmTotpResult")]:
        """Turn the app on by the first code that it shows."""
        planned(input_)

    @does(IDENTITY, "begin_passkey_registration")
    def begin_passkey_registration(
        self,
    ) -> Annotated[PasskeyChallenge | Problem, strawberry.union("BeginPasskeyRegistrationResult")]:
        """Ask for what a browser needs to make a passkey."""
        planned()

    @does(IDENTITY, "register_passkey")
    def register_passkey(
        self, input_: Annotated[RegisterPasskeyInput, strawberry.argument(name="input")]
    ) -> Annotated[FactorEnrolled | Problem, strawberry.union("RegisterPasskeyResult")]:
        """Keep a passkey that the browser has made."""
        planned(input_)

    @does(IDENTITY, "renew_recovery_codes")
    def renew_recovery_codes(self) -> Annotated[RecoveryCodes | Problem, strawberry.union("RenewRecoveryCodesResult")]:
        """Get ten new recovery codes."""
        planned()

    @does(IDENTITY, "remove_factor")
    def remove_factor(
        self, input_: Annotated[RemoveFactorInput, strawberry.argument(name="input")]
    ) -> Annotated[RemovedFactor | Problem, strawberry.union("RemoveFactorResult")]:
        """Let a factor count no more."""
        planned(input_)
