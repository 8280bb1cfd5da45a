"""Files for support: what is taken, whose they are, and how long they wait."""

from datetime import timedelta

from services.notifications.attachments.actions import remove_lapsed
from services.notifications.attachments.domain import MOST_BYTES
from tests.services.notifications.support.cast import Cast, erased

PDF = b"%PDF-1.7 something"


async def test_a_file_waits_for_its_uploader_and_goes_by_itself(known_cast: Cast) -> None:
    cast = known_cast
    file_id = (await cast.send_file(cast.asker, PDF, "a.pdf")).result["id"]
    assert (await cast.fetch_file(cast.asker, file_id)).body == PDF
    for person in (cast.colleague, cast.staff, cast.stranger):
        assert (await cast.fetch_file(person, file_id)).status == 404
    assert (await cast.fetch_file(cast.stage.anonymous, file_id)).status == 401
    cast.clock.advance(timedelta(hours=25))
    assert (await cast.fetch_file(cast.asker, file_id)).status == 404
    answer = await cast.reply(cast.asker, (await cast.opened())["id"], attachment_ids=[file_id])
    assert answer.code == "NO_SUCH_ATTACHMENT"
    assert await remove_lapsed(cast.service.store) == 1
    assert await remove_lapsed(cast.service.store) == 0
    assert await cast.service.store.reader().collection("support_contents.chunks").count_documents({}) == 0


async def test_what_hangs_on_a_request_stays(known_cast: Cast) -> None:
    cast = known_cast
    first, second = [(await cast.send_file(cast.asker, PDF)).result["id"] for _ in range(2)]
    request = await cast.opened(attachment_ids=[first, first])
    await cast.reply(cast.asker, request["id"], attachment_ids=[second])
    cast.clock.advance(timedelta(days=400))
    assert await remove_lapsed(cast.service.store) == 0
    for person in (cast.asker, cast.colleague, cast.staff):
        assert (await cast.fetch_file(person, second)).body == PDF
    for person in (cast.stranger, cast.loner, cast.other_staff, cast.provider):
        assert (await cast.fetch_file(person, second)).status == 404
    assert (await cast.reply(cast.staff, request["id"], attachment_ids=[first])).code == "NO_SUCH_ATTACHMENT"


async def test_nobody_keeps_more_than_twenty_that_hang_on_nothing(known_cast: Cast) -> None:
    for _ in range(20):
        assert (await known_cast.send_file(known_cast.asker, PDF)).status == 200
    assert (await known_cast.send_file(known_cast.asker, PDF)).code == "TOO_MANY_UNATTACHED_ATTACHMENTS"
    assert (await known_cast.send_file(known_cast.colleague, PDF)).status == 200


async def test_an_erased_persons_files_go(known_cast: Cast) -> None:
    cast = known_cast
    loose, attached = [(await cast.send_file(cast.asker, PDF)).result["id"] for _ in range(2)]
    await cast.opened(organization_id=None, attachment_ids=[attached])
    await cast.stage.hear(erased("usr_asker"))
    assert await remove_lapsed(cast.service.store) == 2
    for file_id in (loose, attached):
        assert (await cast.fetch_file(cast.staff, file_id)).status == 404


async def test_what_is_too_large_or_nothing_is_refused(known_cast: Cast) -> None:
    assert (await known_cast.send_file(known_cast.asker, b"a" * (MOST_BYTES + 1))).code == "ATTACHMENT_TOO_LARGE"
    assert (await known_cast.send_file(known_cast.asker, b"")).code == "ATTACHMENT_EMPTY"
    assert (await known_cast.send_file(known_cast.stage.anonymous, PDF)).code == "SIGN_IN_FIRST"


async def test_the_bytes_say_what_is_taken_and_the_name_must_be_one(known_cast: Cast) -> None:
    cast = known_cast
    taken = {PDF: "application/pdf", b"PK\x03\x04xx": "application/zip", b"<script>": "text/plain; charset=utf-8"}
    for content, kind in taken.items():
        file_id = (await cast.send_file(cast.asker, content, "..%2Fa%22b.png")).result["id"]
        got = await cast.fetch_file(cast.asker, file_id)
        assert got.headers["content-type"] == kind
        assert got.headers["content-disposition"] == "attachment; filename=\"ab.png\"; filename*=UTF-8''ab.png"
        assert (got.headers["x-content-type-options"], got.headers["cache-control"]) == ("nosniff", "no-store")
    for content in (b"MZ\x90\x00", b"\x7fELF", b"\xff\xfe", b"a\x00b", b"a\x1bb"):
        answer = await cast.send_file(cast.asker, content)
        assert (answer.status, answer.code) == (415, "ATTACHMENT_KIND_NOT_TAKEN")
    for name in ("", "%ff", "é"):
        answer = await cast.send_file(cast.asker, PDF, name)
        assert (answer.status, answer.code) == (422, "ATTACHMENT_NAME_NOT_USABLE")
        assert [each["field"] for each in answer.body["fields"]] == ["name"]
