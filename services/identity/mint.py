"""Random tokens and what is kept of them."""

import base64
import hashlib
import hmac
import secrets

_ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"


def new_token(prefix: str) -> str:
    """Return a token of 256 random bits behind a prefix that tells what it opens, such as ``pts_…``."""
    return f"{prefix}_{random_text(43)}"


def random_text(length: int) -> str:
    """Return random letters and digits (5.95 bits each)."""
    return "".join(secrets.choice(_ALPHABET) for _ in range(length))


def fingerprint(token: str) -> str:
    """Return what is kept of a random token: with 256 random bits a plain SHA-256 cannot be turned back."""
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()


def csrf_token_for(session_token: str) -> str:
    """Return the token that a page sends beside the session's cookie; whoever knows the session's token can derive it."""
    return base64.urlsafe_b64encode(hmac.digest(session_token.encode(), b"csrf", "sha256")).decode().rstrip("=")
