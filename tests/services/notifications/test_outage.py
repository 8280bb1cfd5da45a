"""The mail server goes away and comes back, and the service dies in between: everything arrives, and nothing twice."""

import asyncio
import sys
from collections import Counter
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

from aiosmtplib import SMTP

from chassis.bus import Message
from chassis.clock import SystemClock
from chassis.mongo import Store, connect
from chassis.principal import system
from chassis.smtp import MailServer
from services.notifications.mail.actions import Outgoing, PostOffice, post, send_next
from services.notifications.mail.domain import Letter, To
from services.notifications.mail.postman import Postman
from services.notifications.sealing import own_seal, shared_seal
from tests.services.mail_server import MovingClock
from tests.services.notifications.conftest import MakeRoom
from tests.services.notifications.newsroom import Newsroom, Portal, text_of, until

ROOT = Path(__file__).parents[3]
FACTS = 120
TOLD = ("provider OWNER", "provider ADMINISTRATOR")


def office_of(room: Newsroom) -> PostOffice:
    key = room.folder / "keys" / "notices.key"
    return PostOffice("http://portal.example", own_seal(key, "mail"), shared_seal(key), "portico.localhost")


def facts(portal: Portal, count: int = FACTS) -> list[Message]:
    return [portal.news("permission_requested", permission_id=f"prm_{number}") for number in range(count)]


async def test_nothing_is_lost_and_nothing_comes_twice_while_the_mail_server_is_away(make_room: MakeRoom) -> None:
    room = await make_room()
    portal = await Portal.open(room)
    await room.mail.close()
    announced = facts(portal)
    await room.bus.publish(announced[: FACTS // 2])
    await room.until_kept(FACTS // 3)
    await room.close_service()
    await room.start_service()
    await room.bus.publish([*announced[FACTS // 2 :], *announced[:10]])  # some once more
    await room.until_kept(FACTS * 2)
    assert await room.kept("mails", {"state": "WAITING"}) == FACTS * 2
    await room.mail.open()
    await room.until_kept(FACTS * 2, "mails", {"state": "SENT"})
    got = Counter(
        (portal.everybody[mail["To"]], text_of(mail).partition("/permissions/")[2].split()[0]) for mail in room.mail.mails
    )
    assert got == Counter((who, f"prm_{number}") for who in TOLD for number in range(FACTS))
    assert len({mail["Message-ID"] for mail in room.mail.mails}) == FACTS * 2
    assert await room.kept("notices") == FACTS * 2
    for who in ("OWNER", "ADMINISTRATOR"):
        assert await room.kept("notices", {"user_id": portal.provider[who].user_id, "read_at": None}) == FACTS


async def serve(url: str, name: str, folder: str) -> None:
    """Run the service until killed (run as a program); there is no mail server."""
    room = Newsroom(Store(connect(url), name, SystemClock()), Path(folder), MovingClock())
    room.mail.port = 9
    await room.start_service()
    sys.stdout.write("serving\n")
    sys.stdout.flush()
    await asyncio.sleep(600)


async def test_a_service_that_is_killed_while_it_tells_has_told_everybody_once_in_the_end(
    make_room: MakeRoom, mongo_url: str
) -> None:
    room = await make_room()
    portal = await Portal.open(room)
    await room.service.close()
    await room.bus.publish(facts(portal, 40))
    await room.bus.close()
    code = (
        "import asyncio; from tests.services.notifications.test_outage import serve; "
        f"asyncio.run(serve({mongo_url!r}, {room.store.name!r}, {str(room.folder)!r}))"
    )
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", code, cwd=ROOT, stdout=asyncio.subprocess.PIPE)
    assert process.stdout is not None
    try:
        assert await process.stdout.readline() == b"serving\n"
        await room.until_kept(6)
    finally:
        process.kill()
        await process.wait()
    await room.start_service()
    await room.until_kept(80)
    mails = await room.mails(80)
    assert Counter(portal.everybody[mail["To"]] for mail in mails) == Counter(dict.fromkeys(TOLD, 40))
    assert await room.kept("notices") == 80


async def test_what_was_taken_before_a_death_comes_again_under_the_same_id(make_room: MakeRoom) -> None:
    room = await make_room()
    reader = await room.someone()
    await room.close_service()
    office = office_of(room)
    await room.store.transact(system("test"), lambda tx: post(tx, office, To(reader.user_id), Letter("Told", "Once.")))
    handed_in = asyncio.Event()

    async def hand_in_and_die(outgoing: Outgoing) -> None:
        postman = Postman(room.store, office, MailServer("127.0.0.1", room.mail.port, "Portico <no-reply@portico.localhost>"))
        async with SMTP(hostname="127.0.0.1", port=room.mail.port, use_tls=False, start_tls=False) as server:
            await server.send_message(postman.compose(outgoing))
        handed_in.set()
        await asyncio.sleep(600)

    dying = asyncio.create_task(send_next(room.store, office, hand_in_and_die))
    async with asyncio.timeout(60):
        await handed_in.wait()
    dying.cancel()
    await asyncio.gather(dying, return_exceptions=True)
    room.clock.ahead += timedelta(minutes=2)
    await room.start_service()
    first, second = await room.mails(2)
    assert first["Message-ID"] == second["Message-ID"]
    await room.until_kept(1, "mails", {"state": "SENT"})


async def test_an_address_that_the_mail_server_cannot_write_down_holds_up_nobody(make_room: MakeRoom) -> None:
    room = await make_room()
    first, second = await room.someone(), await room.someone()
    await room.mail.close()
    room.mail.takes_unicode = False
    await room.mail.open()
    await room.hear(room.reachable(first.user_id, "jānis@example.com"))
    for reader in (first, second):
        letter = partial(post, office=office_of(room), to=To(reader.user_id), letter=Letter("Told", "Once."))
        await room.store.transact(system("test"), letter)
    await room.until_kept(1, "mails", {"state": "SENT"})
    assert [mail["To"] for mail in await room.mails(1)] == [second.email]
    assert await room.kept("mails", {"state": "WAITING"}) == 1


async def test_a_refused_address_is_noted_and_told_to_its_owner_until_there_is_another(make_room: MakeRoom) -> None:
    room = await make_room()
    reader = await room.someone()
    await room.close_service()
    await room.mail.close()
    room.mail.handle_RCPT = _unknown  # type: ignore[attr-defined]  # the server asks its handler
    await room.mail.open()
    await room.start_service()
    office = office_of(room)
    await room.store.transact(system("test"), lambda tx: post(tx, office, To(reader.user_id), Letter("Told", "Once.")))
    await room.until_kept(1, "mails", {"state": "REFUSED"})

    async def is_noted() -> bool:
        return await _refused_at(reader) is not None

    await until(is_noted)
    await room.hear(room.reachable(reader.user_id, "another@example.com"))
    assert await _refused_at(reader) is None


async def _unknown(*_asked: Any) -> str:
    return "550 5.1.1 there is nobody of that name here"


async def _refused_at(reader: Any) -> Any:
    [row] = (await reader.person.load("notice_preferences_of_viewer", ["me"])).rows
    return row["mail_refused_at"]
