"""What stands in a mail to support: files, long texts, pages, and what a server vouches for."""

from datetime import timedelta
from email.message import EmailMessage

import pytest

from services.notifications.incoming.actions import NOT_PROVEN
from tests.services.notifications.support.cast import Cast, address_of
from tests.services.notifications.support.letters import PNG, answered, body, mail, refused, send, unassigned


async def test_files_in_a_mail_hang_on_the_message_and_on_nothing_else(known_cast: Cast) -> None:
    cast = known_cast
    key, letter = await answered(cast)
    message = mail("See here.", to=letter["Reply-To"])
    message.add_attachment(PNG, maintype="image", subtype="png", filename="../../screen.png")
    message.add_attachment(b"MZ\x90\x00\xff", maintype="application", subtype="x-msdownload", filename="mend.exe")
    await send(cast, message)
    said, note = (await cast.thread(cast.staff, key))[-2:]
    (file,) = said["attachments"]
    assert (file["name"], file["content_type"], file["size"]) == ("screen.png", "image/png", len(PNG))
    assert note["is_note"]
    assert "mend.exe" in note["text"]
    got = await cast.fetch_file(cast.asker, file["id"])
    assert (got.status, got.body) == (200, PNG)
    assert (await cast.fetch_file(cast.stranger, file["id"])).status == 404


async def test_a_text_that_is_too_long_is_cut_and_kept_whole_beside(known_cast: Cast) -> None:
    cast = known_cast
    key, letter = await answered(cast)
    await send(cast, mail("line of words\n" * 3000, to=letter["Reply-To"]))
    said = (await cast.thread(cast.staff, key))[-1]
    assert len(said["text"]) == 20_000
    assert said["text"].endswith("…")
    assert [(each["name"], each["size"]) for each in said["attachments"]] == [("mail.txt", 3000 * 14 - 1)]


async def test_a_page_of_html_is_read_as_text(known_cast: Cast) -> None:
    cast = known_cast
    key, letter = await answered(cast)
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = address_of("usr_asker"), letter["Reply-To"], "Re: x"
    page = (
        "<html><head><style>p{}</style><script>steal()</script></head><body>"
        "<p>All&nbsp;of <b>them</b>.</p><ul><li>one<li>two</ul>"
        f"<div>On 2 March 2030 Portico wrote:</div><blockquote>{body(letter, 'html')}</blockquote></body></html>"
    )
    message.set_content(page, subtype="html")
    await send(cast, message)
    assert (await cast.thread(cast.staff, key))[-1]["text"] == "All of them.\n\n* one\n* two"


@pytest.mark.parametrize("authority", ["mx.portal.example"])
async def test_where_a_server_is_trusted_only_what_it_vouches_for_is_its_senders(known_cast: Cast) -> None:
    cast = known_cast
    key, letter = await answered(cast)
    forged = "mx.elsewhere.example; dmarc=pass header.from=people.example"
    for result in (None, "mx.portal.example; dmarc=fail", "mx.portal.example; spf=pass", forged):
        await send(cast, mail(f"{result}", to=letter["Reply-To"], **({"Authentication_Results": result} if result else {})))
    lost = await unassigned(cast)
    assert len(lost) == 4
    assert {(await cast.thread(cast.staff, each["id"]))[1]["text"] for each in lost} == {NOT_PROVEN}
    message = mail("It is me.", to=letter["Reply-To"], Authentication_Results="mx.portal.example; spf=none; dmarc=pass (p=none)")
    message["Authentication-Results"] = forged
    await send(cast, message)
    assert (await cast.thread(cast.staff, key))[-1]["text"] == "It is me."
    wrong_way = mail("Not me.", to=letter["Reply-To"], Authentication_Results=forged)
    wrong_way["Authentication-Results"] = "mx.portal.example; dmarc=pass"  # came with the mail, under what the server has added
    await send(cast, wrong_way)
    assert len(await unassigned(cast)) == 5


async def test_so_many_mails_of_nobody_are_asked_to_come_later(known_cast: Cast) -> None:
    for number in range(100):
        await send(known_cast, mail(sender="x@elsewhere.example", Message_ID=f"<{number}@x>"))
    more = mail(sender="x@elsewhere.example", Message_ID="<more@x>")
    more.add_attachment(PNG, maintype="image", subtype="png", filename="screen.png")
    for _ in range(2):
        assert await refused(known_cast, more) == 452
    reader = known_cast.service.store.reader()
    for kept in ("support_attachments", "support_contents.files", "support_contents.chunks"):
        assert await reader.collection(kept).count_documents({}) == 0, "of what is refused nothing waits for a day"
    known_cast.clock.advance(timedelta(hours=2))
    await send(known_cast, more)
    assert await reader.collection("support_attachments").count_documents({"attached_to": None}) == 0
    assert await reader.collection("support_attachments").count_documents({}) == 1


async def test_a_thread_without_room_for_the_note_of_what_was_not_taken_goes_on_in_a_new_request(known_cast: Cast) -> None:
    cast = known_cast
    key, letter = await answered(cast)
    requests = cast.service.store.reader().collection("support_requests")
    assert await requests.update_one({"_id": key}, {"$set": {"messages": 999}})
    message = mail("See here.", to=letter["Reply-To"])
    message.add_attachment(b"MZ\x90\x00\xff", maintype="application", subtype="x-msdownload", filename="mend.exe")
    await send(cast, message)
    (again,) = [each for each in await cast.queue() if each["id"] != key]
    assert (again["follows_id"], again["opened_by"]) == (key, "usr_asker")
    said, note = await cast.thread(cast.staff, again["id"])
    assert (said["text"], note["is_note"]) == ("See here.", True)
    assert "mend.exe" in note["text"]
    assert len(await cast.thread(cast.staff, key)) == 2


async def test_of_who_was_erased_a_moment_ago_no_request_is_opened(known_cast: Cast) -> None:
    # Whose address it is was looked up before the erasure was heard; the request comes after it.
    asking = known_cast.service.store.reader().collection("support_asking")
    await asking.insert_one({"_id": "usr_loner", "has_ended": True})
    await send(known_cast, mail("Hello?", sender="usr_loner"))
    (lost,) = await unassigned(known_cast)
    assert (lost["opened_by"], lost["mail_from"]) == (None, "loner@people.example")
