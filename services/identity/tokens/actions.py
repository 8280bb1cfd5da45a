"""What can be done with tokens."""

from dataclasses import dataclass

from chassis.mongo import Reader
from services.identity.keys import Pepper, Signer
from services.identity.mint import random_text
from services.identity.tokens import access
from services.identity.tokens.domain import TOKEN_TYPE, Credentials, TokenTerms, token_claims


@dataclass(frozen=True, slots=True)
class TokenOffice:
    """What issuing an access token takes."""

    signer: Signer
    pepper: Pepper
    terms: TokenTerms


async def issue_token(reader: Reader, credentials: Credentials, office: TokenOffice) -> str:
    """Return a signed access token for a client. Raises ``OAuthRefusal``."""
    grant = await access.authenticate(reader, credentials, office.pepper)
    claims = token_claims(grant, office.terms, random_text(22), reader.now)
    return office.signer.sign(TOKEN_TYPE, claims)
