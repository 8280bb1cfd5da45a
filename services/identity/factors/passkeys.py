"""Passkeys (W3C Web Authentication, level 3): what a browser is asked, and whether its answer proves what it says."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import orjson
from webauthn import (
    base64url_to_bytes,
    generate_authentication_options,
    generate_registration_options,
    options_to_json,
    verify_authentication_response,
    verify_registration_response,
)
from webauthn.helpers import bytes_to_base64url
from webauthn.helpers.structs import (
    AuthenticatorSelectionCriteria,
    PublicKeyCredentialDescriptor,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)

from services.identity.factors.domain import Factor, PasskeyNotAccepted, UserVerificationNeeded

_TIMEOUT_MS = 300_000
LARGEST_CREDENTIAL = 20_000


@dataclass(frozen=True, slots=True)
class RelyingParty:
    """Whom passkeys are bound to: a domain (``id``), and the one origin whose pages may use them."""

    id: str
    origin: str
    name: str = "Portico"


def relying_party(portal_url: str, domain: str) -> RelyingParty:
    """Return the party of a portal; without a domain, the host of its URL."""
    parts = urlsplit(portal_url)
    return RelyingParty(domain or parts.hostname or "localhost", f"{parts.scheme}://{parts.netloc}".lower())


@dataclass(frozen=True, slots=True)
class NewPasskey:
    """A passkey as its authenticator made it; id and key in base64url."""

    credential_id: str
    public_key: str
    sign_count: int


def _named(factors: Sequence[Factor]) -> list[PublicKeyCredentialDescriptor]:
    return [PublicKeyCredentialDescriptor(id=base64url_to_bytes(each.credential_id)) for each in factors if each.credential_id]


def registration_options(party: RelyingParty, user: tuple[str, str, str], token: str, known: Sequence[Factor]) -> str:
    """Return what ``navigator.credentials.create`` takes, as JSON. ``user`` is the user's id, address and name.

    A passkey that the authenticator lists by itself (discoverable) is asked for, so that it can be signed in with alone.
    """
    user_id, email, name = user
    options = generate_registration_options(
        rp_id=party.id,
        rp_name=party.name,
        user_id=user_id.encode(),
        user_name=email,
        user_display_name=name,
        challenge=token.encode(),
        timeout=_TIMEOUT_MS,
        exclude_credentials=_named(known),
        authenticator_selection=AuthenticatorSelectionCriteria(
            resident_key=ResidentKeyRequirement.PREFERRED, user_verification=UserVerificationRequirement.PREFERRED
        ),
    )
    return options_to_json(options)


def sign_in_options(party: RelyingParty, token: str, allowed: Sequence[Factor], *, must_verify: bool) -> str:
    """Return what ``navigator.credentials.get`` takes, as JSON; without ``allowed`` any passkey of this portal will do."""
    options = generate_authentication_options(
        rp_id=party.id,
        challenge=token.encode(),
        timeout=_TIMEOUT_MS,
        allow_credentials=_named(allowed),
        user_verification=UserVerificationRequirement.REQUIRED if must_verify else UserVerificationRequirement.PREFERRED,
    )
    return options_to_json(options)


def read_credential(text: str) -> dict[str, Any]:
    """Return a credential that was sent as JSON. Raises ``PasskeyNotAccepted``."""
    try:
        credential = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise PasskeyNotAccepted("The passkey's answer is not JSON: send what its toJSON() gives.") from error
    if not isinstance(credential, dict) or not isinstance(credential.get("id"), str):
        raise PasskeyNotAccepted("The passkey's answer is not a credential: send what its toJSON() gives.")
    return credential


def verify_registration(party: RelyingParty, credential: dict[str, Any], token: str) -> NewPasskey:
    """Return the passkey that was made for this challenge. Raises ``PasskeyNotAccepted``."""
    try:
        verified = verify_registration_response(
            credential=credential,
            expected_challenge=token.encode(),
            expected_rp_id=party.id,
            expected_origin=party.origin,
        )
    except Exception as error:  # whatever is malformed was sent so, and the library has many ways to say it
        raise PasskeyNotAccepted from error
    return NewPasskey(
        bytes_to_base64url(verified.credential_id), bytes_to_base64url(verified.credential_public_key), verified.sign_count
    )


def verify_use(party: RelyingParty, factor: Factor, credential: dict[str, Any], token: str, *, must_verify: bool) -> int:
    """Return the counter after a use of a passkey for this challenge.

    Raises ``PasskeyNotAccepted``, also where the counter has not grown (a copy of the passkey is about), or
    ``UserVerificationNeeded`` where only that is missing.
    """
    response = credential.get("response")
    # Whom the authenticator thinks the passkey is of; it says so where it was asked for any.
    handle = response.get("userHandle") if isinstance(response, dict) else None
    if handle and handle != bytes_to_base64url(factor.user_id.encode()):
        raise PasskeyNotAccepted
    try:
        verified = verify_authentication_response(
            credential=credential,
            expected_challenge=token.encode(),
            expected_rp_id=party.id,
            expected_origin=party.origin,
            credential_public_key=base64url_to_bytes(factor.public_key),
            credential_current_sign_count=factor.sign_count,
        )
    except Exception as error:  # as above
        raise PasskeyNotAccepted from error
    if must_verify and not verified.user_verified:
        raise UserVerificationNeeded
    return verified.new_sign_count
