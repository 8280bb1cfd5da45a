"""What is true of the audit trail: entries that follow one another, each sealed with the one before it.

A chain is an organization's, or the platform's. Its entries are numbered from 1 without gaps; each carries the hash of the one
before, and its own hash covers everything that it says. So nobody edits, takes out or puts in an entry without every later hash
being another one. What is hashed is the canonical JSON of RFC 8785, so that anybody can compute it again, in any language.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

import rfc8785

PLATFORM = "platform"
"""The chain of what concerns no organization."""
BEFORE_THE_FIRST = "0" * 64
"""What the first entry of a chain carries for the hash of the one before it."""


def canonical(document: Mapping[str, Any]) -> bytes:
    """Return the one spelling of a JSON document (RFC 8785). Raises ``ValueError`` for what is no JSON."""
    return rfc8785.dumps(dict(document))


def hash_of(chain: str, number: int, previous: str, content: Mapping[str, Any]) -> str:
    """Return the hash of an entry that says this, in lower-case hexadecimal digits."""
    said = {"chain": chain, "number": number, "previous": previous, "content": dict(content)}
    return sha256(canonical(said)).hexdigest()


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry of a chain.

    ``content`` is plain JSON: at, event_id, service, verb, actor, organization_id, request_id, outcome, code, changes (each with
    kind, id, before, after), and whatever else was to be recorded. ``hash`` is what is kept.
    """

    chain: str
    number: int
    previous: str
    content: Mapping[str, Any]
    hash: str


def first_of(chain: str, content: Mapping[str, Any]) -> Entry:
    """Return the entry that begins a chain."""
    return _sealed(chain, 1, BEFORE_THE_FIRST, content)


def next_of(former: Entry, content: Mapping[str, Any]) -> Entry:
    """Return the entry that comes after another one."""
    return _sealed(former.chain, former.number + 1, former.hash, content)


def _sealed(chain: str, number: int, previous: str, content: Mapping[str, Any]) -> Entry:
    return Entry(chain, number, previous, content, hash_of(chain, number, previous, content))


@dataclass(frozen=True, slots=True)
class Told:
    """What one chain is told of an act.

    ``instead`` is where it stands if the chain has not begun: being refused begins none, nor does changing nothing in what is not
    one's own, since anybody may name anything.
    """

    chain: str
    content: Mapping[str, Any]
    instead: str | None = None


def tellings(content: Mapping[str, Any], organization_ids: Sequence[str], changes: Sequence[Mapping[str, Any]]) -> list[Told]:
    """Return what each chain is told of an act: an organization what concerns it, the platform what concerns nobody.

    ``content`` is what all are told; each of the ``changes`` names its ``organization_ids``.
    """
    is_denied = content["outcome"] == "DENIED"
    told = []
    for each in organization_ids:
        concerning = [_shown(change) for change in changes if is_denied or each in change["organization_ids"]]
        is_only_named = is_denied or (not concerning and content["organization_id"] != each)
        told.append(Told(each, {**content, "changes": concerning}, PLATFORM if is_only_named else None))
    nobodys = [_shown(change) for change in changes if not change["organization_ids"]]
    if not organization_ids or (nobodys and not is_denied):
        told.append(Told(PLATFORM, {**content, "changes": nobodys}))
    return told


def _shown(change: Mapping[str, Any]) -> dict[str, Any]:
    return {name: change.get(name) for name in ("kind", "id", "before", "after", "left_out")}
