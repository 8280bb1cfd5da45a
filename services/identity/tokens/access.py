"""The door to tokens: clients that prove themselves, what they may be granted, and whose tokens they may see."""

from collections.abc import Collection, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from chassis.mongo import Reader
from services.identity.applications.access import application_of_client
from services.identity.applications.domain import Application
from services.identity.certificates import repository as certificates
from services.identity.certificates.access import client_of_certificate
from services.identity.certificates.domain import Certificate, Place
from services.identity.client_keys import access as client_keys
from services.identity.keys import Pepper
from services.identity.organizations import access as organizations
from services.identity.secrets import access as secrets
from services.identity.tokens import repository
from services.identity.tokens.assertions import Assertion, key_that_signed, read_assertion
from services.identity.tokens.domain import Proof, TokenTerms, covers, invalid_client
from services.identity.tokens.showing import Shown

Proven = tuple[Proof, Certificate | None, Assertion | None]


async def prove(reader: Reader, shown: Shown, pepper: Pepper, terms: TokenTerms) -> Proven:
    """Return the client that a request proves, with the registered certificate and the assertion that it has shown, if any.

    An assertion is yet to be counted as used. Raises ``OAuthRefusal``.
    """
    proof, assertion = await _prove(reader, shown, pepper, terms)
    if not await organizations.is_live(reader, proof.application.organization_id):
        raise invalid_client()
    found = None
    if shown.certificate is not None:
        found = await client_of_certificate(reader, proof.application.client_id, shown.certificate)
    if found is None:
        return proof, None, assertion
    _, certificate = found
    return _bound(proof, certificate), certificate, assertion


async def _prove(reader: Reader, shown: Shown, pepper: Pepper, terms: TokenTerms) -> tuple[Proof, Assertion | None]:
    if shown.assertion is not None:
        assertion = read_assertion(shown.assertion, shown.client_id, terms, reader.now)
        return await _by_key(reader, assertion), assertion
    if shown.client_id is not None and shown.secret is not None:
        by_secret = await secrets.authenticate(reader, shown.client_id, shown.secret, pepper)
        if by_secret is not None:
            application, secret = by_secret
            return Proof(application, secret_id=secret.id, ends_at=secret.expires_at), None
    elif shown.client_id is not None and shown.certificate is not None:
        by_certificate = await client_of_certificate(reader, shown.client_id, shown.certificate)
        if by_certificate is not None:
            return _bound(Proof(by_certificate[0]), by_certificate[1]), None
    raise invalid_client()


async def _by_key(reader: Reader, assertion: Assertion) -> Proof:
    application = await application_of_client(reader, assertion.client_id)
    if application is None:
        raise invalid_client()
    key = key_that_signed(assertion, await client_keys.keys_of_client(reader, application))
    if key is None:
        raise invalid_client()
    return Proof(application, key_id=key.id)


def _bound(proof: Proof, certificate: Certificate) -> Proof:
    ends_at: datetime = min(proof.ends_at or certificate.not_after, certificate.not_after)
    return replace(proof, certificate_id=certificate.id, thumbprint=certificate.thumbprint, ends_at=ends_at)


async def not_covered(reader: Reader, application: Application, scope: Collection[str]) -> str | None:
    """Return the first word of a scope that none of the application's subscriptions covers, or None."""
    subscribed = await repository.find_subscribed(reader, application.id)
    offers = await repository.find_offers(reader, [word.partition(":")[0] for word in scope])
    return next((word for word in scope if not covers(word, offers, subscribed)), None)


async def is_live(reader: Reader, claims: Mapping[str, Any]) -> bool:
    """Say whether everything that a genuine token rests on is still there: it, its application, what it was issued for."""
    application = await application_of_client(reader, claims["client_id"])
    if application is None or application.id != claims["application_id"]:
        return False
    if await repository.is_revoked(reader, claims["jti"]) or not await organizations.is_live(reader, application.organization_id):
        return False
    if "secret_id" in claims and claims["secret_id"] not in {each.id for each in application.live_secrets(reader.now)}:
        return False
    if "key_id" in claims and not await client_keys.is_live(reader, claims["key_id"]):
        return False
    if "certificate_id" not in claims:
        return True
    certificate = await certificates.find(reader, claims["certificate_id"])
    place = Place(application.organization_id, application.id)
    return certificate is not None and certificate.proves(place, reader.now)


async def seen_scope(reader: Reader, by: Application, claims: Mapping[str, Any]) -> tuple[bool, list[str] | None]:
    """Say whether a client may see a token, and which words of its scope.

    It sees those of its own organization; and, for its organization's products, those of applications subscribed to them.
    """
    scope = claims["scope"].split(" ") if "scope" in claims else None
    if claims["organization_id"] == by.organization_id:
        return True, scope
    subscribed = await repository.find_subscribed(reader, claims["application_id"])
    slugs = await repository.find_slugs(reader, by.organization_id, subscribed)
    if scope is None:
        return bool(slugs), None
    theirs = [word for word in scope if word.partition(":")[0] in slugs]
    return bool(theirs), theirs
