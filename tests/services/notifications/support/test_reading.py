"""What a mail says: its new words without what it quotes, in the ways of many mail programs; and hostile ones, bounded."""

import re

import pytest

from services.notifications.incoming.domain import MailNotReadable, target_of
from services.notifications.incoming.quoting import newly_written
from services.notifications.incoming.reading import read_mail, text_of
from services.notifications.support.words import markers

MARKER = "##- Write your answer above this line -##"
CUT = [
    ("Yes.\n\nOn Mon, 2 Mar 2030 at 10:00, Portico <no-reply@portal.example> wrote:\n> Which?\n", "Yes."),
    ("Yes.\n\nOn Mon, 2 Mar 2030 at 10:00, Portico\n<no-reply@portal.example> wrote:\n\n> Which?\n", "Yes."),
    ("Jā.\n\npirmd., 2030. g. 2. marts, plkst. 10:00 — lietotājs Portico rakstīja:\n> Kurš?\n", "Jā."),
    ("Да.\n\nпн, 2 мар. 2030 г. в 10:00, Portico <no-reply@portal.example>:\n> " + MARKER + "\n> Какой?\n", "Да."),
    ("Да.\n\n02.03.2030 10:00, Portico пишет:\n> Какой?\n", "Да."),
    ("Yes.\n\n-----Original Message-----\nFrom: Portico\nSent: Monday\n\nWhich?\n", "Yes."),
    ("Yes.\n\n________________________________\nFrom: Portico <x@y>\nSent: Monday, 2 March 2030\nTo: me\n\nWhich?\n", "Yes."),
    ("Jā.\n\nNo: Portico <x@y>\nNosūtīts: pirmdiena\n\nKurš?\n", "Jā."),
    ("Да.\n\nОт: Portico <x@y>\nОтправлено: понедельник\n\nКакой?\n", "Да."),
    (f"Yes.\n\n{MARKER}\n\nAnything at all\n", "Yes."),
    ("Yes.\n> Which?\n", "Yes."),
]
KEPT = [
    "My colleague wrote: it fails.\nCan you look?",
    "From: here\nto: there, nothing passes.",
    "- one thing\n- another\n\nThanks,\nAnna",
    "At 10:00 the robot wrote:\nERROR 500\nin its log.",
    "On 2 March Portico wrote:\n> Which call?\nAll of them.\n> Since when?\nSince noon.",
    "Hello, my answers are below.\n\nOn 2 March 2030 Portico wrote:\n> Which call?\nAll of them.",
]


@pytest.mark.parametrize(("text", "written"), CUT, ids=range(len(CUT)))
def test_what_is_quoted_is_cut(text: str, written: str) -> None:
    assert newly_written(text, markers()) == written


@pytest.mark.parametrize("text", KEPT, ids=range(len(KEPT)))
def test_what_somebody_wrote_stays(text: str) -> None:
    assert newly_written(text, markers()) == text


def test_a_mail_that_only_quotes_is_shown_whole() -> None:
    text = "> Which?\n> And when?"
    assert newly_written(text, markers()) == text


def test_hostile_texts_are_read_in_a_moment() -> None:
    """What would take a pattern that goes back and forth hours, or break a reader that goes in deep."""
    for text in ("On " + "a " * 200_000, "On 1 wrote" * 40_000 + ":", "\n".join(["From: x"] * 50_000), "> " * 200_000):
        newly_written(text, markers())
    assert text_of("<div>" * 90_000 + "deep") == "deep"
    assert text_of("<table><tr><td>" * 30_000 + "deep")
    assert text_of("") == ""


def test_html_shows_its_blocks_on_lines_and_its_quotes_as_quotes() -> None:
    page = "<p>One</p><p>two<br>three</p><blockquote><p>four</p></blockquote><style>p {}</style><!-- five -->"
    assert text_of(page) == "One\n\ntwo\nthree\n\n> four"


BROKEN = [
    b"",
    b"\xff\xfe\x00",
    b"Subject: no sender\r\n\r\nx",
    b"From: <>\r\n\r\nx",
    b"From: a@b.example, c@d.example\r\n\r\nx",
    b"From: a@b.example\r\nFrom: c@d.example\r\n\r\nx",
    b"From: nobody\r\n\r\nx",
    b"".join(b"Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n" % (n, n) for n in range(3000)),
]


@pytest.mark.parametrize("content", BROKEN, ids=range(len(BROKEN)))
def test_what_is_no_mail_of_somebody_is_one_refusal(content: bytes) -> None:
    with pytest.raises(MailNotReadable):
        read_mail(content, "mta@x.example")


@pytest.mark.parametrize(
    ("head", "text"),
    [
        (b"Content-Type: text/plain; charset=nonsense\r\n", "x y"),
        (b"Content-Type: text/plain; charset=windows-1257\r\n", "x y"),
        (b"Content-Transfer-Encoding: base64\r\n", "…"),
        (b"Content-Type: multipart/mixed; boundary=none\r\n", "…"),
        (b"Message-ID: \xff\xff\r\nSubject: =?utf-8?b?broken?=\r\nDate: never\r\n", "x y"),
    ],
    ids=range(5),
)
def test_what_is_half_broken_is_read_as_far_as_it_goes(head: bytes, text: str) -> None:
    mail = read_mail(b"From: a@b.example\r\n" + head + b"\r\nx y", "mta@x.example")
    assert mail.sender == "a@b.example"
    assert text in ("…", mail.text)
    assert re.fullmatch(r"<sha256\.[0-9a-f]{64}@mail\.invalid>", mail.mail_id)
    assert "\n" not in mail.subject


def test_the_address_says_where_a_mail_belongs() -> None:
    own = "support@portal.example"
    bare, with_token = target_of("Support@Portal.example", own), target_of("support+ABC@portal.example", own)
    assert bare is not None
    assert bare.token is None
    assert with_token is not None
    assert with_token.token == "abc"
    for address in ("support", "supporter@portal.example", "support@portal.example.org", "support+@portal.example", ""):
        assert target_of(address, own) is None
