"""Which passwords are accepted: NIST SP 800-63B, for a password that is the only factor and for one beside a second factor.

Length and what is guessed first decide; no mixture of kinds of characters is asked for, and none is forbidden. What is guessed
first is a list of phrases, and whatever is put together from at most three of the words that people make passwords of, with the
usual numbers and signs between them (``words.txt``): a thousand words stand for hundreds of millions of passwords.
"""

import math
import re
import unicodedata
from pathlib import Path

from chassis.errors import FieldProblem, Invalid

MIN_LENGTH = 15
MIN_LENGTH_BESIDE_A_SECOND_FACTOR = 8
MAX_LENGTH = 256
_SERVICE_WORDS = ("portico",)
_OWN_CHARACTERS = 8
_MOST_COMMON_WORDS = 3
_LONGEST_PLAIN_NUMBER = 4
_RUNS = (
    "01234567890123456789012345678901",
    "abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyz",
    "qwertyuiopasdfghjklzxcvbnm",
    "абвгдеёжзийклмнопрстуфхцчшщъыьэюя",
    "йцукенгшщзхъфывапролджэячсмитьбю",
)
_PIECES = re.compile(r"[^\W\d_]+|\d+|[\W_]+")
_SIGNS = re.compile(r"[\W_]+")
_ENDING = re.compile(r"[\W\d_]*$")
_LETTER_FOR = str.maketrans("0134578@$!", "oieastbasi")


class PasswordNotAccepted(Invalid):
    """Choose another password."""

    def __init__(self, problem: str) -> None:
        super().__init__(f"password: {problem}", fields=[FieldProblem("password", problem)])


def prepare(password: str) -> str:
    """Return the password as it is hashed: two ways to type the same letters are the same password."""
    return unicodedata.normalize("NFKC", password)


def is_long(password: str) -> bool:
    """Say whether a password is long enough to be the only factor."""
    return len(prepare(password)) >= MIN_LENGTH


def check(password: str, *, email: str, name: str, has_second_factor: bool = False) -> None:
    """Refuse a password that is too short, too long or easily guessed. Raises ``PasswordNotAccepted``."""
    shortest = MIN_LENGTH_BESIDE_A_SECOND_FACTOR if has_second_factor else MIN_LENGTH
    prepared = prepare(password)
    if len(prepared) < shortest:
        raise PasswordNotAccepted(f"give at least {shortest} characters; several words are easy to remember")
    problem = _problem_of(prepared, email, name)
    if problem is not None:
        raise PasswordNotAccepted(problem)


def _problem_of(password: str, email: str, name: str) -> str | None:
    if len(password) > MAX_LENGTH:
        return f"give at most {MAX_LENGTH} characters"
    plain = _plain(password)
    if _BLOCKED & {plain, _SIGNS.sub("", plain)} or _is_repetition(plain) or _is_run(plain) or _is_of_common_words(plain):
        return "choose one that is not among the first that are guessed"
    own = _without_context(plain, email, name)
    if own != plain and len(own) < _OWN_CHARACTERS:
        return "choose one that is more than your name, your address or the name of this service"
    return None


def _plain(text: str) -> str:
    return re.sub(r"\s+", "", text.casefold())


def _is_repetition(plain: str) -> bool:
    period = (plain + plain).find(plain, 1)
    return period <= min(8, len(plain) // 2) or len(set(plain)) <= 3


def _is_run(plain: str) -> bool:
    return any(plain in run or plain in run[::-1] for run in _RUNS)


def _is_of_common_words(plain: str) -> bool:
    ending = _ENDING.search(plain)
    head = plain[: ending.start()] if ending else plain
    spellings = {plain, head.translate(_LETTER_FOR) + plain[len(head) :]}
    return any(_words_in(each) <= _MOST_COMMON_WORDS for each in spellings)


def _words_in(plain: str) -> float:
    """Return how many common words a password is put together from; infinity, where there is more to it."""
    return sum(_words_in_piece(piece) for piece in _PIECES.findall(plain))


def _words_in_piece(piece: str) -> float:
    if not piece[0].isalpha():
        is_usual = len(piece) <= _LONGEST_PLAIN_NUMBER or _is_run(piece) or _is_repetition(piece)
        return 0 if is_usual else math.inf
    fewest = [0.0] + [math.inf] * len(piece)
    for end in range(1, len(piece) + 1):
        for start in range(max(0, end - _LONGEST_WORD), end):
            part = piece[start:end]
            if part in _WORDS or (len(part) >= 4 and _is_run(part)):
                fewest[end] = min(fewest[end], fewest[start] + 1)
    return fewest[-1]


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


def _read(name: str) -> str:
    return unicodedata.normalize("NFKC", Path(__file__).with_name(name).read_text("utf-8"))


_BLOCKED = frozenset(_plain(line) for line in _read("blocked.txt").splitlines() if line.strip())
_WORDS = frozenset(_read("words.txt").casefold().split())
_LONGEST_WORD = max(map(len, _WORDS))
