"""What instances say to one another about limits: frames of a length, a kind and a body, over one lasting connection each way.

Whoever asks proves first that it may read the instances' documents: it seals the number that it was sent with the secret that the
other one has written there.
"""

import hashlib
import hmac
import struct
from collections.abc import Iterator
from typing import NamedTuple

import orjson

from services.enforcement.limits.book import Latest
from services.enforcement.limits.counting import Counted, Left
from services.enforcement.limits.quotas import Quota
from services.enforcement.limits.rates import Rate

NUMBER, HELLO, ASK, ANSWER, WAIT, CHARGE, REFUND, GOODBYE, PING, PONG = range(10)
NUMBER_BYTES = 16
MOST_BYTES = 65_536
_HEAD = struct.Struct(">IB")
_ASK = struct.Struct(">I")
_CHARGE = struct.Struct(">IQ")
_REFUND = struct.Struct(">I")
_MOST_AGE = 2**32 - 1
_LONG = 2**63
_ANSWER = struct.Struct(">IBqqqqhqq")
_NOTHING = -1


class FrameNotReadable(ValueError):  # noqa: N818 - named as the fact that it reports
    """What came is no frame of ours."""


class Terms(NamedTuple):
    """What an ask says: whose calls, under which terms, by which permissions; the owner needs to know nothing else."""

    place: str
    key: str
    latest: Latest
    permits: tuple[tuple[str, Quota | None], ...]


def frame(kind: int, body: bytes = b"") -> bytes:
    """Return a frame."""
    return _HEAD.pack(len(body), kind) + body


class Frames:
    """Takes bytes as they come and gives whole frames."""

    def __init__(self) -> None:
        self._left = b""

    def feed(self, data: bytes) -> Iterator[tuple[int, bytes]]:
        """Yield the kinds and bodies of the frames that are whole now. Raises ``FrameNotReadable``."""
        data = self._left + data if self._left else data
        at, end = 0, len(data)
        while end - at >= _HEAD.size:
            length, kind = _HEAD.unpack_from(data, at)
            if length > MOST_BYTES:
                raise FrameNotReadable
            if end - at < _HEAD.size + length:
                break
            at += _HEAD.size + length
            yield kind, data[at - length : at]
        self._left = data[at:]


def seal(secret: bytes, number: bytes, instance_id: str) -> bytes:
    """Return the proof that whoever names itself so knows the secret."""
    return hmac.digest(secret, number + instance_id.encode(), hashlib.sha256)


def hello(secret: bytes, number: bytes, instance_id: str) -> bytes:
    """Return the frame by which an instance names itself."""
    return frame(HELLO, seal(secret, number, instance_id) + instance_id.encode())


def read_hello(body: bytes, secret: bytes, number: bytes) -> str | None:
    """Return who names itself, or None where the proof is none."""
    told, instance_id = body[:32], body[32:].decode("utf-8", "replace")
    return instance_id if hmac.compare_digest(told, seal(secret, number, instance_id)) else None


def terms_bytes(terms: Terms) -> bytes:
    """Return terms as they are sent."""
    latest = terms.latest
    permits = [(each, _told(quota)) for each, quota in terms.permits]
    return orjson.dumps([terms.place, terms.key, latest.version, tuple(latest.rate), _told(latest.quota), permits])


def _told(quota: Quota | None) -> tuple[int, str, str] | None:
    return None if quota is None else (quota.calls, quota.period, quota.zone)


def read_terms(body: bytes) -> Terms:
    """Return the terms that were sent. Raises ``FrameNotReadable``."""
    try:
        place, key, version, rate, quota, permits = orjson.loads(body)
        latest = Latest((int(version[0]), int(version[1])), Rate(*map(int, rate)), _quota(quota))
        return Terms(str(place), str(key), latest, tuple((str(each), _quota(its_quota)) for each, its_quota in permits))
    except (TypeError, ValueError, IndexError) as error:
        raise FrameNotReadable from error


def _quota(told: list[object] | None) -> Quota | None:
    if told is None:
        return None
    calls, period, zone = told
    return Quota(int(str(calls)), str(period), str(zone))


def ask(number: int, terms: bytes) -> bytes:
    """Return the frame that asks for one call."""
    return frame(ASK, _ASK.pack(number) + terms)


def read_ask(body: bytes) -> tuple[int, bytes]:
    """Return an ask's number and its terms, not read yet. Raises ``FrameNotReadable``."""
    if len(body) < _ASK.size:
        raise FrameNotReadable
    return _ASK.unpack_from(body)[0], body[_ASK.size :]


def wait(number: int) -> bytes:
    """Return the frame that says of an ask that its answer takes longer."""
    return frame(WAIT, _ASK.pack(number))


def answer(number: int, counted: Counted) -> bytes:
    """Return the frame that answers an ask."""
    plan, own = counted.quota or (_NOTHING, 0), counted.permission or (_NOTHING, 0)
    return frame(ANSWER, _ANSWER.pack(number, counted.outcome, counted.remaining, counted.wait_ns, *plan, counted.permit, *own))


def read_answer(body: bytes) -> tuple[int, Counted]:
    """Return an answer and the number of its ask. Raises ``FrameNotReadable``."""
    if len(body) != _ANSWER.size:
        raise FrameNotReadable
    number, outcome, remaining, wait_ns, calls, ends_at, permit, own_calls, own_ends_at = _ANSWER.unpack(body)
    plan = None if calls == _NOTHING else Left(calls, ends_at)
    own = None if own_calls == _NOTHING else Left(own_calls, own_ends_at)
    return number, Counted(outcome, remaining, wait_ns, plan, permit, own)


def charge(key: str, calls: int, missing_ns: int) -> bytes:
    """Return the frame that tells an owner of calls that passed elsewhere, and what is missing of the allowance there."""
    return frame(CHARGE, _CHARGE.pack(calls, min(missing_ns, _LONG)) + key.encode())


def read_charge(body: bytes) -> tuple[str, int, int]:
    """Return a charge's key, its calls and what is missing. Raises ``FrameNotReadable``."""
    if len(body) < _CHARGE.size:
        raise FrameNotReadable
    calls, missing_ns = _CHARGE.unpack_from(body)
    return body[_CHARGE.size :].decode("utf-8", "replace"), calls, missing_ns


def refund(terms: bytes, age_ms: int) -> bytes:
    """Return the frame that takes back an ask that was made so many milliseconds ago, and answered too late."""
    return frame(REFUND, _REFUND.pack(min(age_ms, _MOST_AGE)) + terms)


def read_refund(body: bytes) -> tuple[bytes, int]:
    """Return a refund's terms, not read yet, and its age. Raises ``FrameNotReadable``."""
    if len(body) < _REFUND.size:
        raise FrameNotReadable
    return body[_REFUND.size :], _REFUND.unpack_from(body)[0]
