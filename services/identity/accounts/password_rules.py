"""Which passwords are accepted: NIST SP 800-63B for a password that is the only factor.

Length and a list of known bad ones decide; no mixture of kinds of characters is asked for, and none is forbidden.
"""

import re
import unicodedata
from pathlib import Path

from chassis.errors import FieldProblem, Invalid

MIN_LENGTH = 15
MAX_LENGTH = 256
_SERVICE_WORDS = ("portico",)
_OWN_CHARACTERS = 8
_RUNS = ("01234567890123456789012345678901", "abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyz", "qwertyuiopasdfghjklzxcvbnm")


class PasswordNotAccepted(Invalid):
    """Choose another password."""


def prepare(password: str) -> str:
    """Return the password as it is hashed: two ways to type the same letters are the same password."""
    return unicodedata.normalize("NFKC", password)


def check(password: str, *, email: str, name: str) -> None:
    """Refuse a password that is too short, too long or easily guessed. Raises ``PasswordNotAccepted``."""
    problem = _problem_of(prepare(password), email, name)
    if problem is not None:
        raise PasswordNotAccepted(f"password: {problem}", fields=[FieldProblem("password", problem)])


def _problem_of(password: str, email: str, name: str) -> str | None:
    if len(password) < MIN_LENGTH:
        return f"give at least {MIN_LENGTH} characters; several words are easy to remember"
    if len(password) > MAX_LENGTH:
        return f"give at most {MAX_LENGTH} characters"
    plain = _plain(password)
    if plain in _BLOCKED or _is_repetition(plain) or _is_run(plain):
        return "choose one that is not among the first that are guessed"
    if len(_without_context(plain, email, name)) < _OWN_CHARACTERS:
        return "choose one that is more than your name, your address or the name of this service"
    return None


def _plain(text: str) -> str:
    return re.sub(r"\s+", "", text.casefold())


def _is_repetition(plain: str) -> bool:
    period = (plain + plain).find(plain, 1)
    return period <= min(8, len(plain) // 2) or len(set(plain)) <= 3


def _is_run(plain: str) -> bool:
    return any(plain in run or plain in run[::-1] for run in _RUNS)


def _without_context(plain: str, email: str, name: str) -> str:
    """Return what is left of a password without the words that anybody would try for this very person."""
    local, _, domain = email.casefold().partition("@")
    words = {
        _plain(email),
        local,
        domain,
        *re.split(r"[._+\-]", local),
        *name.casefold().split(),
        *domain.split("."),
        *_SERVICE_WORDS,
    }
    rest = plain
    for word in sorted((word for word in words if len(word) >= 4), key=len, reverse=True):
        rest = rest.replace(word, "")
    return re.sub(r"[\W\d_]+", "", rest) if rest != plain else rest


_BLOCKED = frozenset(
    _plain(line) for line in Path(__file__).with_name("blocked_passwords.txt").read_text("utf-8").splitlines() if line.strip()
)
