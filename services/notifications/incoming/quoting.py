"""What somebody wrote anew in an answer by mail: without the mail that it quotes. Every pass over a text is linear.

Everything from the line on that our own mails begin with is cut, and where a mail program has left that out, from the line on by
which it introduces what it quotes. Who answers between quoted lines keeps them: their answers say nothing without.
"""

import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

_LONGEST_LINE = 300
_RULE = re.compile(r"_{20,}")
_ORIGINAL = re.compile(r"-{2,}\s*([^-]{1,60}?)\s*-{2,}")
_HEADER = re.compile(r"\*{0,2}(\w{1,20})\*{0,2}:")


@dataclass(frozen=True, slots=True)
class _Introductions:
    """How mail programs introduce what they quote."""

    wrote: re.Pattern[str]
    original: frozenset[str]
    sender: frozenset[str]
    moment: frozenset[str]


@cache
def _introductions() -> _Introductions:
    told: Mapping[str, list[str]] = tomllib.loads(Path(__file__).with_name("quoting.toml").read_text("utf-8"))
    verbs = "|".join(re.escape(each) for each in told["wrote"])
    return _Introductions(
        re.compile(rf".{{0,{_LONGEST_LINE}}}\b(?:{verbs})\b[^:]{{0,80}}:", re.IGNORECASE),
        frozenset(told["original"]),
        frozenset(told["sender"]),
        frozenset(told["moment"]),
    )


def newly_written(text: str, markers: Sequence[str]) -> str:
    """Return what was written anew, or the whole text where nothing is left of it."""
    lines = [line.rstrip() for line in text.splitlines()]
    end = next((number for number in range(len(lines)) if _begins_quote(lines, number, markers)), len(lines))
    if _has_answers_between(lines[end:]):
        return text.strip()
    kept = lines[:end]
    while kept and (not kept[-1].strip() or kept[-1].lstrip().startswith(">") or _RULE.fullmatch(kept[-1].strip())):
        kept.pop()
    return "\n".join(kept).strip() or text.strip()


def _has_answers_between(rest: Sequence[str]) -> bool:
    quoted = next((number for number, line in enumerate(rest) if line.lstrip().startswith(">")), len(rest))
    return any(line.strip() and not line.lstrip().startswith(">") for line in rest[quoted:])


def _begins_quote(lines: Sequence[str], number: int, markers: Sequence[str]) -> bool:
    line = lines[number].lstrip("> \t").strip()
    if any(marker in line for marker in markers):
        return True
    if not line or len(line) > _LONGEST_LINE:
        return False
    original = _ORIGINAL.fullmatch(line)
    if original is not None and original.group(1).lower() in _introductions().original:
        return True
    following = lines[number + 1].strip()[:_LONGEST_LINE] if number + 1 < len(lines) else ""
    if _introduces(line) and _is_quoted_soon(lines, number + 1):
        return True
    # Programs break such a line in two where it is long.
    if following and _introduces(f"{line} {following}") and _is_quoted_soon(lines, number + 2):
        return True
    return _begins_headers(line, following)


def _introduces(line: str) -> bool:
    """Say whether a line says who wrote when: the moment is never without a figure."""
    if not any(each.isdigit() for each in line):
        return False
    is_address_alone = "@" in line and line.endswith(">:")  # some programs leave the verb out
    return is_address_alone or _introductions().wrote.fullmatch(line) is not None


def _is_quoted_soon(lines: Sequence[str], number: int) -> bool:
    """Say whether what follows is quoted, or nothing follows: then the line before has introduced it."""
    ahead = [line.strip() for line in lines[number : number + 4] if line.strip()]
    return not ahead or ahead[0].startswith(">")


def _begins_headers(line: str, following: str) -> bool:
    """Say whether a mail program shows here the headers of the mail that it quotes: who, then when."""
    first, second = _HEADER.match(line), _HEADER.match(following)
    if first is None or second is None:
        return False
    known = _introductions()
    return first.group(1).lower() in known.sender and second.group(1).lower() in known.moment
