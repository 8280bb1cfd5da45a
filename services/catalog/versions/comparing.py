"""Having two versions compared by a program of its own, and keeping what came of it: documents never change."""

import asyncio
import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

from chassis.errors import Conflict, Refusal
from chassis.mongo import Reader, is_in_transaction
from services.catalog.differences.domain import is_breaking
from services.catalog.documents.domain import DocumentTooComplex
from services.catalog.products.domain import Product
from services.catalog.products.lives import Version
from services.catalog.versions import repository
from services.catalog.versions.reading import Limits, run

_PROGRAM = "services.catalog.versions.comparer"
# What took too long is tried again, but not at once: the machine may have been busy.
_FORGET_FAILURE = timedelta(minutes=10)
_MAJOR = re.compile(r"v?(\d+)(?!\d)", re.IGNORECASE)

_ASK_AGAIN_SECONDS = 5

Comparison = Mapping[str, Any]
Key = tuple[str, str]


class StillComparing(Conflict):
    """The two versions are still being compared, because their documents are large; ask again in a few seconds."""

    def __init__(self) -> None:
        super().__init__(retry_after_seconds=_ASK_AGAIN_SECONDS)


class Comparer:
    """Compares versions; at most ``limits.at_once`` programs run, and nobody waits for one longer than ``patience_seconds``."""

    def __init__(self, limits: Limits, patience_seconds: float = 60) -> None:
        # Two documents are read instead of one.
        self._limits = replace(limits, seconds=limits.seconds * 2)
        self._places = asyncio.Semaphore(limits.at_once)
        self._patience_seconds = patience_seconds
        self._running: dict[Key, asyncio.Task[Comparison | None]] = {}

    async def compare(self, reader: Reader, former_id: str, later_id: str) -> Comparison | None:
        """Return what is different between two versions, or None where either has no document.

        A comparison that takes longer goes on when nobody waits for it any more, and is kept for whoever asks again.
        Raises ``DocumentTooComplex``, ``ReaderUnavailable`` or ``StillComparing``.
        """
        assert not is_in_transaction(), "no documents are compared while a transaction is open"
        kept = await _kept(reader, former_id, later_id)
        if kept is not None:
            return kept
        key = (former_id, later_id)
        running = self._running.get(key)
        if running is None:
            running = self._running[key] = asyncio.create_task(self._compare(reader, former_id, later_id))
            running.add_done_callback(lambda done: self._end(key, done))
        done, _ = await asyncio.wait((running,), timeout=self._patience_seconds)
        if not done:
            raise StillComparing
        return running.result()

    def _end(self, key: Key, done: asyncio.Task[Comparison | None]) -> None:
        del self._running[key]
        _ = done.cancelled() or done.exception()  # perhaps nobody waits any more

    async def start(self) -> None:
        """Begin nothing: whoever asks begins a comparison."""

    async def close(self) -> None:
        """End what is still being compared."""
        running = tuple(self._running.values())
        for each in running:
            each.cancel()
        await asyncio.gather(*running, return_exceptions=True)

    async def _compare(self, reader: Reader, former_id: str, later_id: str) -> Comparison | None:
        async with self._places:
            texts = await repository.documents(reader, [former_id, later_id])
            if former_id not in texts or later_id not in texts:
                return None
            try:
                made = await self._run(texts[former_id].packed_text, texts[later_id].packed_text)
            except DocumentTooComplex as error:
                made = {"refusal": "DocumentTooComplex", "message": error.message}
            await repository.keep_comparison(reader, former_id, later_id, made)
        return _told(made)

    async def _run(self, former: bytes, later: bytes) -> dict[str, Any]:
        return await run(_PROGRAM, b"%d\n%s%s" % (len(former), former, later), self._limits)

    async def warnings_before(self, reader: Reader, product: Product, draft: Version) -> list[str]:
        """Return what the provider should know before a draft is published: that it breaks callers but does not say so."""
        former = _latest_published(product, draft)
        if former is None or major_of(former.label) != major_of(draft.label):
            return []
        try:
            comparison = await self.compare(reader, former.id, draft.id)
        except Refusal as refusal:
            return [f"Whether it breaks callers of {former.label} is not known: {refusal.message}"]
        if comparison is None or not is_breaking(comparison):
            return []
        breaking = [each for each in comparison["differences"] if each["breaking"]]
        more = f" (and {len(breaking) - 1} more)" if len(breaking) > 1 else ""
        told = f"It breaks callers of {former.label}, and its label {draft.label} does not say so by another major number"
        return [f"{told}: {breaking[0]['says']}{more}"]


async def _kept(reader: Reader, former_id: str, later_id: str) -> Comparison | None:
    kept = await repository.comparison(reader, former_id, later_id)
    if kept is None or ("refusal" in kept and kept["compared_at"] <= reader.now - _FORGET_FAILURE):
        return None
    return _told(kept)


def _told(made: Comparison) -> Comparison:
    if "refusal" in made:
        raise DocumentTooComplex(made["message"])
    return made


def _latest_published(product: Product, draft: Version) -> Version | None:
    """Return the version of the same API that was published last and can be called."""
    found = product.version(draft.id)
    others = found[0].versions if found is not None else ()
    published = [each for each in others if each.is_callable and each.published_at is not None]
    return max(published, key=lambda each: (each.published_at, each.id), default=None)


def major_of(label: str) -> str | None:
    """Return a label's major number, or None where it begins with none: such labels promise the same thing."""
    found = _MAJOR.match(label)
    return found.group(1).lstrip("0") or "0" if found else None
