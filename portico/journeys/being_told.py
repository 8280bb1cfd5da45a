"""Being told: whoever is concerned finds it in the inbox and in the mailbox, in their own language."""

import asyncio
from dataclasses import dataclass

from portico.foreign import Graph
from portico.journeys.traveller import PATIENCE_SECONDS, Traveller, expect

_INBOX = """{ viewer { unreadNotices inbox(first: 50) { nodes { id kind title text link about } } } }"""


@dataclass(frozen=True, slots=True)
class Told:
    """Somebody, where they are mailed, and the kind of notice; its title begins with these words of their language."""

    who: Graph
    address: str
    kind: str
    words: str


async def in_language(who: Graph, language: str) -> str:
    """Let somebody be written to in a language; return the one before."""
    before = str((await who.ask("{ viewer { user { language } } }"))["viewer"]["user"]["language"])
    await who.do("changeProfile", "... on User { language }", language=language)
    return before


async def is_told(t: Traveller, told: Told, *, about: str) -> str:
    """Go on once somebody is told about a thing, by mail and in the inbox; return the letter. Raises ``Mismatch``."""
    letter = await t.mailbox.letter_to(told.address, about=about)
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not (found := await _notices(told, about)):  # noqa: ASYNC110 - the inbox tells it in no other way here
            await asyncio.sleep(0.05)
    notice = found[0]
    expect(notice["title"].startswith(told.words), f"the notice is in their language: {notice['title']}")
    expect(notice["title"] in letter, f"the letter says the same as the inbox: {notice['title']}")
    expect(notice["link"] in letter, "both lead to the same place")
    marked = await told.who.do("markRead", "... on MarkedRead { marked unread }", noticeIds=[notice["id"]])
    expect(marked["marked"] == 1, "what was read is marked so")
    return letter


async def _notices(told: Told, about: str) -> list[dict[str, str]]:
    viewer = (await told.who.ask(_INBOX))["viewer"]
    inbox = viewer["inbox"] or {"nodes": []}
    return [
        each
        for each in inbox["nodes"]
        if each["kind"] == told.kind and (each["about"] == about or about in f"{each['title']} {each['text']}")
    ]
