"""What can be done with tokens."""

import asyncio
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from chassis.mongo import Reader, Transaction
from services.identity.applications.domain import Application
from services.identity.certificates import actions as certificates
from services.identity.keys import Pepper, Signer
from services.identity.mint import random_text
from services.identity.secrets import actions as secrets
from services.identity.tokens import access, repository
from services.identity.tokens.domain import (
    INACTIVE,
    TOKEN_TYPE,
    Proof,
    TokenTerms,
    introspected,
    invalid_client,
    not_granted,
    revoked,
    token_claims,
)
from services.identity.tokens.reading import TokenReader
from services.identity.tokens.showing import Shown

_LONGEST_WAIT_SECONDS = 1.0
_PAUSES_SECONDS = (0.01, 0.2)


@dataclass(frozen=True, slots=True)
class TokenOffice:
    """What issuing access tokens and reading them back takes."""

    signer: Signer
    pepper: Pepper
    terms: TokenTerms
    reader: TokenReader


@dataclass(frozen=True, slots=True)
class Issued:
    """An access token, for how many seconds it is valid, and what it is narrowed to (None: nothing)."""

    token: str
    expires_in: int
    scope: tuple[str, ...] | None


async def authenticate(reader: Reader, shown: Shown, office: TokenOffice) -> Proof:
    """Return the client that a request proves; an assertion counts as used from now on. Raises ``OAuthRefusal``."""
    proof, certificate, assertion = await access.prove(reader, shown, office.pepper, office.terms)
    if assertion is not None:
        key = hashlib.sha256(f"{assertion.client_id}\n{assertion.id}".encode("utf-8", "surrogatepass")).hexdigest()
        if not await repository.note_assertion(reader, key, assertion.expires_at):
            raise invalid_client()
    if certificate is not None:
        await certificates.note_use(reader, certificate)
    return proof


async def issue_token(reader: Reader, proof: Proof, scope: tuple[str, ...] | None, office: TokenOffice) -> Issued:
    """Return a signed access token for a client that has proved itself. Raises ``OAuthRefusal``."""
    if scope is not None:
        await _require_covered(reader, proof.application, scope)
    claims = token_claims(proof, office.terms, scope, random_text(22), now=reader.now)
    if proof.secret_id is not None:
        await secrets.note_issue(reader, proof.secret_id)
    return Issued(office.signer.sign(TOKEN_TYPE, claims), claims["exp"] - claims["iat"], scope)


async def _require_covered(reader: Reader, application: Application, scope: Sequence[str]) -> None:
    """Refuse a scope that no subscription covers; one that may only not have been heard of yet is waited for, about a second."""
    give_up_at = asyncio.get_running_loop().time() + _LONGEST_WAIT_SECONDS
    pause, longest_pause = _PAUSES_SECONDS
    while (word := await access.not_covered(reader, application, scope)) is not None:
        if asyncio.get_running_loop().time() >= give_up_at:
            raise not_granted(word)
        await asyncio.sleep(pause)
        pause = min(pause * 1.5, longest_pause)


async def introspect(reader: Reader, by: Application, token: str, office: TokenOffice) -> Mapping[str, Any]:
    """Return what a client may know of a token (RFC 7662); of what it may not see, the same as of what is none."""
    claims = office.reader.read(token, reader.now)
    if claims is None:
        return INACTIVE
    may_see, scope = await access.seen_scope(reader, by, claims)
    if not may_see or not await access.is_live(reader, claims):
        return INACTIVE
    return introspected(claims, scope)


async def revoke_token(tx: Transaction, by: Application, token: str, office: TokenOffice) -> None:
    """Let a token of this client be refused from now on (RFC 7009); for anything else there is nothing to do."""
    claims = office.reader.read(token, tx.now)
    if claims is None or claims["client_id"] != by.client_id:
        return
    expires_at = datetime.fromtimestamp(claims["exp"], UTC)
    fact = revoked(claims, expires_at)
    if await repository.note_revocation(tx, fact):
        organization_id = by.organization_id
        await tx.emit(fact, subject=claims["jti"], organization=organization_id, audience=[organization_id])
