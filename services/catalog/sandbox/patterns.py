"""Text that a regular expression accepts, for the simple ones that schemas use; whoever asks checks the result."""

from dataclasses import dataclass

_DIGITS, _WORD_SIGNS = "0123456789", "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_"
_PRINTABLE = "".join(chr(code) for code in range(0x21, 0x7F))
_CLASSES = {"d": _DIGITS, "w": _WORD_SIGNS, "s": " "}
_CONTROLS = {"n": "\n", "r": "\r", "t": "\t", "f": "\f", "v": "\v"}
_LONGEST = 4000
_MOST_DEPTH = 30


class TooDifficultError(ValueError):
    """The expression has parts that are not understood here."""


@dataclass(slots=True)
class _Writer:
    """Reads an expression once and writes the shortest text, plus ``extra`` repetitions where repetition is open."""

    pattern: str
    extra: int
    at: int = 0
    depth: int = 0

    def alternatives(self) -> str:
        """Return the text of the first alternative up to a closing bracket or the end."""
        first = self._sequence()
        while self._peek() == "|":
            self.at += 1
            self._sequence()
        return first

    def _peek(self) -> str:
        return self.pattern[self.at : self.at + 1]

    def _sequence(self) -> str:
        written: list[str] = []
        while self._peek() and self._peek() not in "|)":
            piece = self._piece()
            least, most = self._times()
            times = (
                least
                if most is not None and most <= least
                else least + (self.extra if most is None else min(self.extra, most - least))
            )
            written.append((piece * min(times, _LONGEST))[:_LONGEST])
        return "".join(written)[:_LONGEST]

    def _piece(self) -> str:
        sign = self._peek()
        self.at += 1
        if sign in "^$":
            return ""
        if sign == "(":
            return self._group()
        if sign == "[":
            return self._set()
        if sign == "\\":
            return self._escape()[:1]
        if sign in "*+?{":
            raise TooDifficultError(self.pattern)
        return "a" if sign == "." else sign

    def _group(self) -> str:
        self.depth += 1
        if self.depth > _MOST_DEPTH:
            raise TooDifficultError(self.pattern)
        is_written = True
        for opening in ("?:", "?=", "?!", "?<=", "?<!"):
            if self.pattern.startswith(opening, self.at):
                self.at += len(opening)
                # What stands in a look-around is not part of the text.
                is_written = opening == "?:"
                break
        else:
            self._skip_name()
        inside = self.alternatives()
        if self._peek() != ")":
            raise TooDifficultError(self.pattern)
        self.at += 1
        self.depth -= 1
        return inside if is_written else ""

    def _skip_name(self) -> None:
        if not self.pattern.startswith("?", self.at):
            return
        end = self.pattern.find(">", self.at)
        if not self.pattern.startswith(("?<", "?P<"), self.at) or end < 0:
            raise TooDifficultError(self.pattern)
        self.at = end + 1

    def _escape(self) -> str:
        sign = self._peek()
        self.at += 1
        if not sign:
            raise TooDifficultError(self.pattern)
        if sign in _CLASSES:
            return _CLASSES[sign]
        if sign in "DWS":
            excluded = _CLASSES[sign.lower()]
            return "".join(each for each in _PRINTABLE if each not in excluded)
        if sign in _CONTROLS:
            return _CONTROLS[sign]
        if sign in "xu":
            return self._code(2 if sign == "x" else 4)
        if sign in "bB":
            return ""
        if sign.isalnum():
            raise TooDifficultError(self.pattern)
        return sign

    def _code(self, digits: int) -> str:
        found = self.pattern[self.at : self.at + digits]
        self.at += digits
        if len(found) < digits or not all(digit in "0123456789abcdefABCDEF" for digit in found):
            raise TooDifficultError(self.pattern)
        code = int(found, 16)
        if 0xD800 <= code <= 0xDFFF:
            raise TooDifficultError(self.pattern)
        return chr(code)

    def _set(self) -> str:
        is_negated = self._peek() == "^"
        self.at += is_negated
        members: list[str] = []
        while self._peek() != "]":
            if not self._peek():
                raise TooDifficultError(self.pattern)
            first = self._member()
            if len(first) == 1 and self._peek() == "-" and self.pattern[self.at + 1 : self.at + 2] not in ("]", ""):
                self.at += 1
                last = self._member()
                first = "".join(chr(code) for code in range(ord(first), min(ord(last[:1] or first), ord(first) + 300) + 1))
            members.append(first)
        self.at += 1
        signs = "".join(members)
        if is_negated:
            signs = "".join(sign for sign in f"a0 {_PRINTABLE}" if sign not in signs)
        if not signs:
            raise TooDifficultError(self.pattern)
        return signs[0]

    def _member(self) -> str:
        sign = self._peek()
        self.at += 1
        return self._escape() if sign == "\\" else sign

    def _times(self) -> tuple[int, int | None]:
        sign = self._peek()
        times: tuple[int, int | None] = (1, 1)
        if sign and sign in "*+?":
            self.at += 1
            times = {"*": (0, None), "+": (1, None), "?": (0, 1)}[sign]
        elif sign == "{":
            end = self.pattern.find("}", self.at)
            least, comma, most = self.pattern[self.at + 1 : end].partition(",") if end > 0 else ("", "", "")
            if not least.isdecimal() or (most and not most.isdecimal()) or len(least) > 4 or len(most) > 9:
                raise TooDifficultError(self.pattern)
            self.at = end + 1
            times = (int(least), int(most) if most else None if comma else int(least))
        else:
            return times
        if self._peek() in ("?", "+"):
            self.at += 1
        return times


def text_for(pattern: str, extra: int) -> str:
    """Return a text that probably matches, with ``extra`` repetitions where they are left open. Raises ``TooDifficultError``."""
    if len(pattern) > 2000:
        raise TooDifficultError(pattern[:80])
    writer = _Writer(pattern, extra)
    written = writer.alternatives()
    if writer.at < len(pattern):
        raise TooDifficultError(pattern)
    return written
