"""One-time codes that change every 30 seconds (TOTP, RFC 6238: SHA-1, six digits, as every authenticator app shows them)."""

import hmac
from datetime import datetime

import pyotp

STEP_SECONDS = 30
DIGITS = 6
_WINDOW = (0, -1, 1)


def new_secret() -> str:
    """Return a new secret of 160 random bits in base32."""
    return pyotp.random_base32()


def address_of(secret: str, account: str, issuer: str) -> str:
    """Return the ``otpauth://`` address that an app reads, mostly from a picture of it."""
    return pyotp.TOTP(secret).provisioning_uri(name=account, issuer_name=issuer)


def steps_of(secret: str, code: str, now: datetime) -> list[int]:
    """Return the time steps around now (one before, this one, one after) whose code this is; mostly none or one."""
    typed = "".join(code.split())
    if len(typed) != DIGITS or not (typed.isascii() and typed.isdigit()):
        return []
    step, codes = int(now.timestamp()) // STEP_SECONDS, pyotp.HOTP(secret)
    return [step + each for each in _WINDOW if hmac.compare_digest(codes.at(step + each), typed)]
