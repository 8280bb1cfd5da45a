"""Passports for tests: signed by a key made for the run, with the actions that the table of roles gives."""

import time
from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path

import orjson
from joserfc import jwt
from joserfc.jwk import KeySet, OKPKey

from chassis.principal import ALGORITHM, AUDIENCE, ISSUER, TYPE, KeyRing, PassportVerifier

_OBSERVER = ("VIEW_ORGANIZATION", "LIST_APPLICATIONS", "VIEW_SUBSCRIPTIONS", "VIEW_ANALYTICS")
_DEVELOPER = (
    *_OBSERVER,
    "CREATE_APPLICATION",
    "CHANGE_APPLICATION",
    "DELETE_APPLICATION",
    "REISSUE_SECRET",
    "SUBSCRIBE",
    "CANCEL_SUBSCRIPTION",
    "MANAGE_PRODUCTS",
)
_BOTH_LEADERS = (*_DEVELOPER, "INVITE_MEMBER", "REMOVE_MEMBER", "CHANGE_ROLE", "RENAME_ORGANIZATION", "DECIDE_SUBSCRIPTIONS")
GRANTS = {
    "OWNER": (*_BOTH_LEADERS, "TRANSFER_OWNERSHIP", "DELETE_ORGANIZATION"),
    "ADMINISTRATOR": (*_BOTH_LEADERS, "CHANGE_OWNER"),
    "DEVELOPER": _DEVELOPER,
    "OBSERVER": _OBSERVER,
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
    header = {"alg": ALGORITHM, "typ": TYPE, "kid": "test"}
    return jwt.encode(header, claims, _private_key(folder / "passport.private.json"), algorithms=[ALGORITHM])
