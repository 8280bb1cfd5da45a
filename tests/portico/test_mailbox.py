"""The development mailbox takes mail by SMTP, keeps it over a restart, and shows it."""

from email.message import EmailMessage
from pathlib import Path

import aiosmtplib
import httpx
import pytest

from chassis.clock import FixedClock
from portico.mailbox import Mailbox, mailbox_app


async def send(mailbox: Mailbox, to: str, text: str) -> None:
    server = await mailbox.listen()
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = "no-reply@portico.test", to, "Laipni lūdzam"
    message.set_content(text)
    try:
        await aiosmtplib.send(message, hostname="127.0.0.1", port=server.sockets[0].getsockname()[1], start_tls=False)
    finally:
        server.close()
        await server.wait_closed()


def client(mailbox: Mailbox, host: str = "127.0.0.1") -> httpx.AsyncClient:
    return httpx.AsyncClient(transport=httpx.ASGITransport(mailbox_app(mailbox)), base_url=f"http://{host}")


async def test_mail_is_taken_kept_and_shown(tmp_path: Path) -> None:
    mailbox = Mailbox(tmp_path, FixedClock())
    mailbox.open()
    await send(mailbox, "Anna@example.com", "Labdien & sveiki: http://127.0.0.1:8000/accept?token=a-b_c\n")
    await send(mailbox, "other@example.com", "<script>alert(1)</script>")
    again = Mailbox(tmp_path, FixedClock())
    again.open()
    async with client(again) as asking:
        found = (await asking.get("/api/messages", params={"to": "anna@example.com"})).json()
        page = (await asking.get("/")).text
    assert [each["subject"] for each in found] == ["Laipni lūdzam"]
    assert found[0]["links"] == ["http://127.0.0.1:8000/accept?token=a-b_c"]
    assert found[0]["received_at"] == "2030-01-01T00:00:00Z"
    assert "<script>" not in page
    assert '<a href="http://127.0.0.1:8000/accept?token=a-b_c">' in page
    assert page.index("other@example.com") < page.index("anna@example.com")


async def test_a_mail_that_cannot_be_written_is_asked_for_again_and_leaves_nothing(tmp_path: Path) -> None:
    mailbox = Mailbox(tmp_path / "mail", FixedClock())
    mailbox.open()
    (tmp_path / "mail").rmdir()
    with pytest.raises(aiosmtplib.SMTPDataError) as refused:
        await send(mailbox, "anna@example.com", "Labdien\n")
    assert refused.value.code == 452
    assert mailbox.find() == []


async def test_a_torn_file_keeps_nobody_from_starting(tmp_path: Path) -> None:
    mailbox = Mailbox(tmp_path, FixedClock())
    mailbox.take("no-reply@portico.test", ["anna@example.com"], b"Subject: kept\r\n\r\nLabdien\r\n")
    (tmp_path / "mail_0.json").write_bytes(b"")
    (tmp_path / "mail_1.json").write_bytes(b'{"id": "mail_1"}')
    again = Mailbox(tmp_path, FixedClock())
    again.open()
    assert [each.subject for each in again.find()] == ["kept"]


async def test_a_page_elsewhere_cannot_read_it_under_another_name(tmp_path: Path) -> None:
    mailbox = Mailbox(tmp_path, FixedClock())
    async with client(mailbox, "attacker.example") as asking:
        assert (await asking.get("/api/messages")).status_code == 400


async def test_a_mail_that_wants_an_answer_is_answered_by_smtp(tmp_path: Path) -> None:
    theirs, ours = Mailbox(tmp_path / "theirs", FixedClock()), Mailbox(tmp_path / "ours", FixedClock())
    for each in (theirs, ours):
        each.open()
    content = b"Subject: Help\r\nReply-To: support+1@portal.test\r\nMessage-ID: <1@portal.test>\r\n\r\nWhich?\r\n"
    theirs.take("no-reply@portal.test", ["anna@example.com"], content)
    theirs.take("no-reply@portal.test", ["anna@example.com"], b"Subject: Hello\r\n\r\nNothing to answer.\r\n")
    plain, wanted = theirs.find()
    async with client(theirs) as asking:
        path = f"/api/messages/{wanted.id}/answer"
        assert (await asking.post(path, data={"text": "This."})).status_code == 404  # nobody takes mail yet
        server = await ours.listen()
        theirs.answers_to = server.sockets[0].getsockname()[1]
        assert (await asking.get("/")).text.count("<form") == 1
        assert (await asking.post(path, data={"text": "This."}, headers={"origin": "https://elsewhere.test"})).status_code == 403
        assert (await asking.post(f"/api/messages/{plain.id}/answer", data={"text": "This."})).status_code == 404
        assert (await asking.post(path, data={"text": "This."}, headers={"origin": "http://127.0.0.1"})).status_code == 303
        (mail,) = ours.find("support+1@portal.test")
        assert (mail.subject, mail.text.splitlines()[0]) == ("Re: Help", "This.")
        assert mail.text.splitlines()[-1] == "> Which?"
        server.close()
        await server.wait_closed()
        assert (await asking.post(path, data={"text": "This."})).status_code == 502
