"""Passports for tests: signed by a key made for the run, with the actions that the table of roles gives."""

import csv
import time
from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import orjson
from joserfc import jwt
from joserfc.jwk import KeySet, OKPKey

from chassis.principal import ALGORITHM, AUDIENCE, ISSUER, TYPE, VISITOR, KeyRing, PassportVerifier

_TABLES = Path(__file__).parents[1] / "services/identity/organizations"
_ROWS = [
    row
    for table in sorted(_TABLES.glob("*_matrix.csv"))
    for row in csv.DictReader(table.read_text(encoding="utf-8").splitlines())
]
GRANTS = {
    role: tuple(row["name"] for row in _ROWS if row[role.lower()] == "yes")
    for role in ("OWNER", "ADMINISTRATOR", "DEVELOPER", "OBSERVER")
}
ROLES = tuple(GRANTS)


def make_keys(folder: Path) -> None:
    """Write a pair of passport keys into a folder, as identity does."""
    key = OKPKey.generate_key("Ed25519", parameters={"kid": "test", "use": "sig", "alg": ALGORITHM})
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "passport.private.json").write_bytes(orjson.dumps(key.as_dict(private=True)))
    (folder / "passport.public.json").write_bytes(orjson.dumps(KeySet([key]).as_dict(private=False)))


def make_verifier(folder: Path) -> PassportVerifier:
    """Return a verifier of the passports that this folder's key signs; makes the key where there is none."""
    if not (folder / "passport.public.json").exists():
        make_keys(folder)
    return PassportVerifier(KeyRing(folder / "passport.public.json"))


@lru_cache
def _private_key(path: Path) -> OKPKey:
    return OKPKey.import_key(orjson.loads(path.read_bytes()))


def make_visitor_passport(folder: Path, *, issued_at: float | None = None, ttl_seconds: int = 3600) -> str:
    """Return a passport of nobody, such as the gateway shows for visitors."""
    moment = int(issued_at if issued_at is not None else time.time())
    claims = {"iss": ISSUER, "aud": AUDIENCE, "sub": VISITOR, "iat": moment, "exp": moment + ttl_seconds}
    return sign_passport(folder, claims)


def sign_passport(folder: Path, claims: Mapping[str, Any], **header: Any) -> str:
    """Return these claims as identity would sign them."""
    return encode_passport(claims, _private_key(folder / "passport.private.json"), **header)


def encode_passport(claims: Mapping[str, Any], key: OKPKey, **header: Any) -> str:
    """Return these claims signed with a key, under a header that may differ from a passport's."""
    return jwt.encode({"alg": ALGORITHM, "typ": TYPE, "kid": key.kid, **header}, dict(claims), key, algorithms=[ALGORITHM])


def make_passport(
    folder: Path,
    user_id: str,
    *,
    organizations: Mapping[str, str] | None = None,
    platform_roles: Sequence[str] = (),
    issued_at: float | None = None,
    ttl_seconds: int = 60,
) -> str:
    """Return a passport of a user with these roles: ``organizations`` maps an organization's id to the role held there."""
    moment = int(issued_at if issued_at is not None else time.time())
    held = dict(organizations or {})
    claims = {
        "iss": ISSUER,
        "aud": AUDIENCE,
        "sub": user_id,
        "sid": f"ses_{user_id}",
        "iat": moment,
        "exp": moment + ttl_seconds,
        "organizations": held,
        "grants": {role: sorted(GRANTS[role]) for role in set(held.values())},
        "platform_roles": list(platform_roles),
    }
    return sign_passport(folder, claims)
