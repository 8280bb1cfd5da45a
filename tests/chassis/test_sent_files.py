"""Files as they are sent: their names, and the kinds that their bytes tell."""

import hashlib
import io
import zipfile

import pytest

from chassis.errors import FieldProblem, Invalid
from chassis.files import ASIC_E, GIF, JPEG, PDF, PNG, TEXT, WEBP, ZIP, Intake, clean_name, disposition_of, kind_of

EVERY = frozenset({PDF, ASIC_E, ZIP, PNG, JPEG, GIF, WEBP, TEXT})


class TooLarge(Invalid):
    """It is too large."""


class Empty(Invalid):
    """It is empty."""


class NotTaken(Invalid):
    """It is of no kind that is taken."""


class NameNotUsable(Invalid):
    """The name cannot be read."""

    def __init__(self) -> None:
        super().__init__(fields=[FieldProblem("name", "give another one")])


INTAKE = Intake(
    frozenset({PDF, ZIP}), 20, too_large=TooLarge, empty=Empty, kind_not_taken=NotTaken, name_not_usable=NameNotUsable
)


def container(mimetype: bytes) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        archive.writestr("mimetype", mimetype)
        archive.writestr("form.txt", b"form")
    return made.getvalue()


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (b"%PDF-1", PDF),
        (b" %PDF-1", TEXT),
        (container(ASIC_E.encode()), ASIC_E),
        (container(b"text/plain"), ZIP),
        (b"PK\x03\x04xx", ZIP),
        (b"PK", TEXT),
        (b"\x89PNG\r\n\x1a\n", PNG),
        (b"\xff\xd8\xff\xe0", JPEG),
        (b"GIF87a", GIF),
        (b"GIF89a", GIF),
        (b"RIFF\0\0\0\0WEBP", WEBP),
        ("Ūdens\t1\r\n".encode(), TEXT),
        (b"<script>alert(1)</script>", TEXT),
        (b"MZ\x90\x00", None),
        (b"\x7fELF", None),
        (b"\xff\xfe", None),
        (b"a\x00b", None),
        (b"a\x1bb", None),
    ],
)
def test_the_bytes_say_what_a_file_is(content: bytes, kind: str | None) -> None:
    assert kind_of(content, EVERY) == kind
    assert kind_of(content, EVERY - {kind, TEXT}) == (ZIP if kind == ASIC_E else None)


def test_what_is_taken_is_told_with_its_checksum_and_the_rest_is_refused_in_the_services_words() -> None:
    upload = INTAKE.read("a.edoc", b"PK\x03\x04")
    assert (upload.name, upload.content_type, upload.sha256) == ("a.edoc", ZIP, hashlib.sha256(upload.content).hexdigest())
    for content, refusal in ((b"", Empty), (b"%PDF-" + b"x" * 16, TooLarge), (b"text", NotTaken)):
        with pytest.raises(refusal):
            INTAKE.read("a.pdf", content)
    assert INTAKE.read("a.pdf", b"%PDF-" + b"x" * 15).content_type == PDF


def test_a_name_is_one_part_of_a_path() -> None:
    assert INTAKE.read_name("..%2F..%2Fetc%2Fpasswd") == "passwd"
    assert INTAKE.read_name("%C4%80%0A.png") == "Ā.png"
    assert len(INTAKE.read_name("a" * 500 + ".png")) == 200
    for header in (None, "", "%ff", "ā", "%ED%A0%80"):
        with pytest.raises(NameNotUsable) as caught:
            INTAKE.read_name(header)
        assert [each.field for each in caught.value.fields] == ["name"]
    assert disposition_of('a"b.png') == "attachment; filename=\"a_b.png\"; filename*=UTF-8''a%22b.png"


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("../../etc/passwd.pdf", "passwd.pdf"),
        ("C:\\Users\\me\\form.pdf", "form.pdf"),
        ("a/b/", "b"),
        ("\x00\r\n.pdf", "pdf"),
        ("two\r\nlines.pdf", "twolines.pdf"),
        ("\u202egpj.exe.pdf", "gpj.exe.pdf"),
        ("...", "document"),
        ("", "document"),
        ('a"b<c>.pdf', "abc.pdf"),
        ("Līgums  №1.pdf", "Līgums №1.pdf"),
        ("x" * 500 + ".pdf", "x" * 196 + ".pdf"),
        ("x" * 500, "x" * 200),
    ],
)
def test_names_lose_what_could_do_harm(given: str, kept: str) -> None:
    assert clean_name(given) == kept
