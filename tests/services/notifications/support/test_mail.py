"""Support by mail, with real SMTP on both sides: answers go out into a thread, and what comes back lands where it belongs."""

import asyncio
from dataclasses import replace
from datetime import timedelta
from email.message import EmailMessage
from typing import Any

import aiosmtplib
import pytest

from chassis.errors import Unavailable
from chassis.mongo import Store, connect
from services.notifications.incoming.actions import NOT_ANY_MORE, NOT_THEIRS
from services.notifications.incoming.listener import Listener, _answer_to
from tests.services.notifications.support.cast import ADDRESS, Cast, address_of, erased, member, organization_deleted
from tests.services.notifications.support.letters import TOKEN, answered, body, mail, refused, send, send_from_nobody, unassigned


async def test_an_answer_is_mailed_and_answered_by_mail(known_cast: Cast) -> None:
    cast = known_cast
    key, letter = await answered(cast, "Which <b>call</b>?")
    assert letter["Subject"] == "Re: Calls fail"
    assert TOKEN.fullmatch(letter["Reply-To"])
    assert (letter["In-Reply-To"], letter["References"]) == (f"<{key}@portal.example>",) * 2
    assert "Which <b>call</b>?" in body(letter, "plain")
    assert "Which &lt;b&gt;call&lt;/b&gt;?" in body(letter, "html")
    assert f"https://portal.example/support/{key}" in body(letter, "plain")
    quoted = "\n".join(f"> {line}" for line in body(letter, "plain").splitlines())
    written = f"All of them.\n\nOn Monday, 2 March 2030, Portico wrote:\n{quoted}\n"
    reply = mail(written, to=letter["Reply-To"], Message_ID="<1@people.example>", In_Reply_To=letter["Message-ID"])
    await send(cast, reply)
    said = (await cast.thread(cast.staff, key))[-1]
    assert (said["side"], said["author_id"], said["text"], said["channel"]) == ("USER", "usr_asker", "All of them.", "MAIL")
    seen = await cast.seen(cast.staff, key)
    assert seen is not None
    assert seen["status"] == "WAITING_FOR_OPERATOR"
    assert (await cast.stage.announced())[-1]["actor"] == "usr_asker"
    await cast.reply(cast.staff, key, "Thank you.")
    await cast.post_all()
    last = next(each for each in cast.postbox.to("usr_asker") if "Thank you." in body(each, "plain"))
    assert last["In-Reply-To"] == "<1@people.example>"
    assert last["References"].split() == [f"<{key}@portal.example>", letter["Message-ID"], "<1@people.example>"]
    assert last["Message-ID"] != letter["Message-ID"]


async def test_the_same_mail_is_taken_once(known_cast: Cast) -> None:
    key, letter = await answered(known_cast)
    for _ in range(3):
        await send(known_cast, mail(to=letter["Reply-To"], Message_ID="<1@people.example>"))
    assert len(await known_cast.thread(known_cast.staff, key)) == 3
    await send(known_cast, mail(to=letter["Reply-To"], Message_ID="<2@people.example>"))
    assert len(await known_cast.thread(known_cast.staff, key)) == 4
    await asyncio.gather(*(send(known_cast, mail(to=letter["Reply-To"], Message_ID="<3@people.example>")) for _ in range(3)))
    assert len(await known_cast.thread(known_cast.staff, key)) == 5


@pytest.mark.parametrize(
    ("language", "wrote", "marker"),
    [
        ("lv", "Staff atbildēja uz jūsu atbalsta pieprasījumu:", "##- Rakstiet atbildi virs šīs rindas -##"),
        ("ru", "Staff: ответ на ваше обращение в поддержку:", "##- Пишите ответ над этой строкой -##"),
        ("en", "Staff has answered your support request:", "##- Write your answer above this line -##"),
    ],
)
async def test_it_is_written_and_read_in_the_readers_language(known_cast: Cast, language: str, wrote: str, marker: str) -> None:
    cast = known_cast
    await cast.stage.hear(cast.reachable("usr_asker", language=language))
    key, letter = await answered(cast)
    for kind in ("plain", "html"):
        assert wrote in body(letter, kind)
        assert marker in body(letter, kind)
    await send(cast, mail(f"Paldies! Спасибо!\n\n{body(letter, 'plain')}", to=letter["Reply-To"]))
    assert (await cast.thread(cast.staff, key))[-1]["text"] == "Paldies! Спасибо!"


async def test_a_mail_of_somebody_else_is_put_to_the_operator(known_cast: Cast) -> None:
    cast = known_cast
    key, letter = await answered(cast)
    await send(cast, mail("I am him.", sender="usr_stranger", to=letter["Reply-To"]))
    assert len(await cast.thread(cast.staff, key)) == 2
    (lost,) = await unassigned(cast)
    assert (lost["mail_from"], lost["follows_id"], lost["opened_by"]) == ("stranger@people.example", key, None)
    first, second = await cast.thread(cast.staff, lost["id"])
    assert (first["text"], second["text"], second["is_note"]) == ("I am him.", NOT_THEIRS, True)
    for person in (cast.asker, cast.colleague, cast.stranger):
        assert await cast.seen(person, lost["id"]) is None
    assert (await cast.reply(cast.staff, lost["id"])).code == "NOBODY_TO_ANSWER"
    assert (await cast.staff.do("close_support_request", request_id=lost["id"])).result["status"] == "CLOSED"


async def test_who_has_left_does_not_write_any_more_and_gets_no_answers(known_cast: Cast) -> None:
    cast = known_cast
    key, letter = await answered(cast)
    await cast.stage.hear(member("usr_asker", sequence=7, fact="removed"))
    await send(cast, mail(to=letter["Reply-To"]))
    (lost,) = await unassigned(cast)
    assert (await cast.thread(cast.staff, lost["id"]))[1]["text"] == NOT_ANY_MORE
    before = len(cast.postbox.mails)
    await cast.reply(cast.staff, key, "Anybody there?")
    await cast.post_all()
    assert len(cast.postbox.mails) == before
    assert len(await cast.thread(cast.colleague, key)) == 3


async def test_whose_rights_stand_still_does_not_write_and_gets_no_answers_until_they_are_back(known_cast: Cast) -> None:
    cast = known_cast
    key, letter = await answered(cast)
    await cast.stage.hear(member("usr_asker", sequence=7, fact="suspended"))
    await send(cast, mail(to=letter["Reply-To"]))
    (lost,) = await unassigned(cast)
    assert (await cast.thread(cast.staff, lost["id"]))[1]["text"] == NOT_ANY_MORE
    before = len(cast.postbox.mails)
    await cast.reply(cast.staff, key, "Anybody there?")
    await cast.post_all()
    assert len(cast.postbox.mails) == before
    await cast.stage.hear(member("usr_asker", sequence=8, fact="resumed"))
    await send(cast, mail("Here again.", to=letter["Reply-To"]))
    assert (await cast.thread(cast.colleague, key))[-1]["text"] == "Here again."
    await cast.reply(cast.staff, key, "Welcome back.")
    await cast.post_all()
    assert len(cast.postbox.mails) == before + 1


async def test_of_a_deleted_organization_nothing_more_is_taken(known_cast: Cast) -> None:
    _, letter = await answered(known_cast)
    await known_cast.stage.hear(organization_deleted())
    await send(known_cast, mail(to=letter["Reply-To"]))
    assert len(await unassigned(known_cast)) == 1


async def test_of_an_erased_person_the_address_is_nobodys(known_cast: Cast) -> None:
    _, letter = await answered(known_cast)
    await known_cast.stage.hear(erased("usr_asker"))
    assert await refused(known_cast, mail(to=letter["Reply-To"])) == 550
    await send(known_cast, mail())
    assert len(await unassigned(known_cast)) == 1


async def test_everybody_who_has_written_gets_the_answer_under_an_address_of_their_own(known_cast: Cast) -> None:
    cast = known_cast
    key = (await cast.opened())["id"]
    await cast.reply(cast.colleague, key, "With me, too.")
    await cast.reply(cast.staff, key, "Try again.")
    await cast.post_all()
    letters = [next(each for each in cast.postbox.to(who) if each["Reply-To"]) for who in ("usr_asker", "usr_colleague")]
    assert letters[0]["Reply-To"] != letters[1]["Reply-To"]
    await send(cast, mail("It works.", sender="usr_colleague", to=letters[1]["Reply-To"]))
    assert (await cast.thread(cast.staff, key))[-1]["author_id"] == "usr_colleague"
    await send(cast, mail("Mine.", sender="usr_colleague", to=letters[0]["Reply-To"]))
    assert len(await unassigned(cast)) == 1


async def test_whose_address_has_changed_writes_from_the_new_one(known_cast: Cast) -> None:
    cast = known_cast
    key, letter = await answered(cast)
    await cast.stage.hear(cast.reachable("usr_asker", address="New.Asker@PEOPLE.example"))
    await send(cast, mail(to=letter["Reply-To"]))
    assert len(await unassigned(cast)) == 1
    await send(cast, mail("From here.", sender="new.asker@people.example", to=letter["Reply-To"].upper()))
    assert (await cast.thread(cast.staff, key))[-1]["text"] == "From here."


async def test_a_mail_to_the_support_address_opens_a_request(known_cast: Cast) -> None:
    cast = known_cast
    await send(cast, mail("How do I get a key?", sender="usr_loner", subject="A question", Message_ID="<q@people.example>"))
    (request,) = await cast.queue()
    assert (request["subject"], request["opened_by"], request["organization_id"]) == ("A question", "usr_loner", None)
    assert await cast.seen(cast.loner, request["id"]) is not None
    await cast.post_all()
    (letter,) = [each for each in cast.postbox.to("usr_loner") if each["Reply-To"]]
    assert (letter["In-Reply-To"], letter["Auto-Submitted"]) == ("<q@people.example>", "auto-generated")
    await send(cast, mail("One more thing.", sender="usr_loner", to=letter["Reply-To"]))
    assert [each["text"] for each in await cast.thread(cast.loner, request["id"])] == ["How do I get a key?", "One more thing."]


async def test_a_mail_of_nobody_we_know_is_put_to_the_operator(known_cast: Cast) -> None:
    await send(known_cast, mail("Hello?", sender="who@elsewhere.example", subject="x"))
    (lost,) = await unassigned(known_cast)
    assert (lost["mail_from"], lost["follows_id"]) == ("who@elsewhere.example", None)
    await known_cast.post_all()
    assert not any(each["To"] == "who@elsewhere.example" for each in known_cast.postbox.mails)


async def test_an_answer_to_what_is_closed_goes_on_in_a_new_request(known_cast: Cast) -> None:
    cast = known_cast
    key, letter = await answered(cast, private=True, about="sub_1")
    await cast.staff.do("solve_support_request", request_id=key)
    await send(cast, mail("Not quite.", to=letter["Reply-To"], Message_ID="<1@people.example>"))
    seen = await cast.seen(cast.staff, key)
    assert seen is not None
    assert seen["status"] == "WAITING_FOR_OPERATOR"
    await cast.staff.do("solve_support_request", request_id=key)
    cast.clock.advance(timedelta(days=15))
    await send(cast, mail("Again.", to=letter["Reply-To"], Message_ID="<2@people.example>"))
    (again,) = await cast.queue()
    assert (again["follows_id"], again["is_private"], again["opened_by"]) == (key, True, "usr_asker")
    assert again["topic"]["thing_id"] == "sub_1"


AUTOMATIC = [
    {"Auto_Submitted": "auto-replied"},
    {"Auto_Submitted": "auto-generated; x=y"},
    {"Precedence": "bulk"},
    {"Precedence": "auto_reply"},
    {"List_Id": "<list.example>"},
]


async def test_what_nobody_wrote_is_noted_and_never_answered(known_cast: Cast) -> None:
    cast = known_cast
    key, letter = await answered(cast)
    await cast.post_all()
    before = len(cast.postbox.mails)
    for number, headers in enumerate(AUTOMATIC):
        await send(cast, mail("I am away.", to=letter["Reply-To"], Message_ID=f"<{number}@people.example>", **headers))
        assert await refused(cast, mail("I am away.", Message_ID=f"<b{number}@people.example>", **headers)) == 550
    await send_from_nobody(cast, mail("Undeliverable.", to=letter["Reply-To"]))
    thread = await cast.thread(cast.staff, key)
    assert [each["is_note"] for each in thread] == [False, False, *[True] * 6]
    assert len(await cast.thread(cast.asker, key)) == 2
    seen = await cast.seen(cast.staff, key)
    assert seen is not None
    assert seen["status"] == "WAITING_FOR_USER"
    await cast.post_all()
    assert len(cast.postbox.mails) == before
    assert await unassigned(cast) == []


async def test_addresses_that_are_not_ours_are_refused_for_good(known_cast: Cast) -> None:
    for to in (
        f"support+{'0' * 32}@portal.example",
        "support+@portal.example",
        "support@elsewhere.example",
        "other@portal.example",
        "root@portal.example",
    ):
        assert await refused(known_cast, mail(to=to)) == 550


async def test_what_cannot_be_read_is_refused_for_good_and_an_outage_is_not(known_cast: Cast) -> None:
    two = mail()
    two.replace_header("From", "a@x.example, b@x.example")
    assert await refused(known_cast, two) == 554
    many = EmailMessage()
    many["From"], many["To"], many["Subject"] = address_of("usr_asker"), ADDRESS, "x"
    many.set_content("x")
    for _ in range(201):
        many.add_attachment(b"x", maintype="text", subtype="plain")
    assert await refused(known_cast, many) == 554
    assert _answer_to(Unavailable()).startswith("451")
    assert _answer_to(ValueError("a fault of ours")).startswith("451")


async def test_while_the_database_is_away_mail_is_asked_to_come_again(known_cast: Cast) -> None:
    cast = known_cast
    _, letter = await answered(cast)
    client = connect("mongodb://127.0.0.1:1/", timeout_seconds=0.3)
    present = next(each for each in cast.service.workers if isinstance(each, Listener))
    away = replace(present._handler._desk, store=Store(client, "away", cast.clock))
    listener = Listener(away, "127.0.0.1", 0)
    await listener.start()
    for to in (letter["Reply-To"], ADDRESS):
        message = mail(to=to)
        with pytest.raises(aiosmtplib.SMTPException) as caught:
            await aiosmtplib.send(message, hostname="127.0.0.1", port=listener.port, start_tls=False, timeout=60)
        error: Any = caught.value
        assert (error.recipients[0] if isinstance(error, aiosmtplib.SMTPRecipientsRefused) else error).code == 451
    await listener.close()
    client.close()


async def test_an_address_that_comes_late_or_twice_changes_nothing(cast: Cast) -> None:
    old, new = cast.reachable("usr_loner", address="old@people.example"), cast.reachable("usr_loner")
    await cast.stage.hear(new, old, new, old)
    await send(cast, mail(sender="old@people.example", Message_ID="<1@x>"))
    assert len(await unassigned(cast)) == 1
    await send(cast, mail(sender="usr_loner", Message_ID="<2@x>"))
    assert [each["opened_by"] for each in await cast.queue()] == [None, "usr_loner"]
    gone = erased("usr_loner")
    await cast.stage.hear(gone, new, gone, cast.reachable("usr_loner"))
    await send(cast, mail(sender="usr_loner", Message_ID="<3@x>"))
    assert len(await unassigned(cast)) == 2
