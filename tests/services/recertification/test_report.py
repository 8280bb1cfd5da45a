"""The report of a campaign: made apart, signed, kept; what it tells is what the service tells."""

import hashlib
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from asn1crypto import x509  # type: ignore[import-untyped]
from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.sign.diff_analysis import ModificationLevel
from pyhanko.sign.validation import async_validate_pdf_signature
from pyhanko.sign.validation.status import SignatureCoverageLevel
from pyhanko_certvalidator import ValidationContext
from pypdf import PdfReader

from chassis.calls import Call
from portico.authority import open_authority
from services.recertification.report.texts import TEXTS
from tests.services.recertification.hearing import HOLDER, OTHER, CampaignStage, everything

LETTERS = "Ā č ē ģ ī ķ ļ ņ š ū ž — Ёлка, шмель, цапля"


async def finished(stage: CampaignStage) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Let a campaign run to its end and its reports be made; return it and what is known of them."""
    campaign = await stage.started(title=LETTERS)
    items = await stage.items(campaign["id"])
    holder = stage.of(HOLDER)
    await holder.do("confirm_items", item_ids=[items["sub_1"]["id"]], reason="Vajag — нужно.")
    await holder.do("give_up_items", item_ids=[items["prm_1"]["id"]])
    await stage.keep_time(days=11)
    await stage.print()
    [reports] = (await stage.operator.load("reports_by_campaign", [campaign["id"]])).rows
    return campaign, reports


@pytest.fixture
async def stage(make_stage: Callable[..., Any], tmp_path: Path) -> CampaignStage:
    """The service that knows who holds what, and has a key to sign with."""
    folder = tmp_path / "authority"
    files = open_authority(folder).report_files(folder)
    made: CampaignStage = await make_stage(**files)
    await made.hear(*everything())
    return made


async def fetch(stage: CampaignStage, report_id: str, passport: str) -> tuple[int, dict[str, str], bytes]:
    call = Call("recertification", f"/reports/{report_id}", b"", {"portico-passport": passport}, "GET")
    answer = await stage.caller.call(call)
    return answer.status, dict(answer.headers), answer.body


def text_of(pdf: bytes) -> str:
    """Return the text as another program reads it, without spaces: lines are broken where they are full."""
    return "".join("".join(page.extract_text().split()) for page in PdfReader(BytesIO(pdf)).pages)


async def signature_of(pdf: bytes, tmp_path: Path) -> Any:
    from cryptography.hazmat.primitives.serialization import Encoding
    from cryptography.x509 import load_pem_x509_certificate

    root = load_pem_x509_certificate((tmp_path / "authority/root.pem").read_bytes()).public_bytes(Encoding.DER)
    [embedded] = PdfFileReader(BytesIO(pdf)).embedded_signatures
    trusted = ValidationContext(trust_roots=[x509.Certificate.load(root)], allow_fetching=False)
    return await async_validate_pdf_signature(embedded, trusted)


async def test_it_is_signed_and_tells_what_came_of_everything(stage: CampaignStage, tmp_path: Path) -> None:
    campaign, reports = await finished(stage)
    assert [(each["language"], each["status"], each["why"]) for each in reports] == [
        ("EN", "MADE", None), ("LV", "MADE", None), ("RU", "MADE", None),
    ]  # fmt: skip
    facts = {each["language"]: each for each in await stage.facts("report_made")}
    items = await stage.items(campaign["id"])
    for report in reports:
        status, headers, pdf = await fetch(stage, report["id"], stage.operator.passport)
        assert (status, headers["content-type"]) == (200, "application/pdf")
        assert f"{campaign['id']}-{report['language'].lower()}.pdf" in headers["content-disposition"]
        assert hashlib.sha256(pdf).hexdigest() == report["sha256"] == facts[report["language"]]["sha256"]
        assert len(pdf) == report["size"]

        words, text = TEXTS[report["language"]], text_of(pdf)
        told = [words["title"], LETTERS, "Vajag — нужно.", "SIA Grāmata", "Другие", "Addresses", campaign["id"], words["signed"]]
        for item in items.values():
            told += [f"{words[item['kind']]} {item['subject_id']}", f"{words['outcome']}: {words[item['status']]}"]
        told += [f"{words['by']}: usr_owner", f"{words['GIVEN_UP']} 1", f"{words['NOT_CONFIRMED']} 6", f"{words['total']} 8"]
        for each in told:
            assert "".join(each.split()) in text, (report["language"], each)

        found = await signature_of(pdf, tmp_path)
        assert (found.intact, found.valid, found.trusted) == (True, True, True)
        assert found.coverage is SignatureCoverageLevel.ENTIRE_FILE
        assert found.modification_level is ModificationLevel.NONE
        assert "Demonstration Platform" in found.signing_cert.subject.human_friendly


async def test_what_is_changed_in_it_breaks_the_signature(stage: CampaignStage, tmp_path: Path) -> None:
    _, reports = await finished(stage)
    _, _, pdf = await fetch(stage, reports[0]["id"], stage.operator.passport)
    place = pdf.index(b"stream") + 40
    other = pdf[:place] + bytes([pdf[place] ^ 1]) + pdf[place + 1 :]
    assert not (await signature_of(other, tmp_path)).intact
    # Nor is anything added unseen: what is appended is not covered.
    from pypdf import PdfWriter

    writer = PdfWriter(BytesIO(pdf), incremental=True)
    writer.pages[0].rotate(90)
    added = BytesIO()
    writer.write(added)
    judged = await signature_of(added.getvalue(), tmp_path)
    assert judged.coverage is not SignatureCoverageLevel.ENTIRE_FILE
    assert not judged.bottom_line


async def test_it_is_for_the_starter_alone(stage: CampaignStage) -> None:
    campaign, reports = await finished(stage)
    report_id = reports[0]["id"]
    auditor = stage.person("usr_a", platform_roles=("AUDITOR",))
    assert (await fetch(stage, report_id, auditor.passport))[0] == 200
    for person in (stage.of(HOLDER), stage.of(OTHER), stage.person("usr_1"), stage.person("usr_1", platform_roles=("SUPPORT",))):
        status, _, body = await fetch(stage, report_id, person.passport)
        absent = await fetch(stage, "rpt_unheard_of", person.passport)
        assert (status, absent[0]) == (404, 404)
        assert b"NO_SUCH_REPORT" in body
        assert b"NO_SUCH_REPORT" in absent[2]
        assert (await person.load("reports_by_campaign", [campaign["id"]])).rows == [None]
    assert (await fetch(stage, report_id, stage.anonymous.passport))[0] == 401


async def test_without_a_key_none_is_made_and_it_says_why(make_stage: Callable[..., Any], tmp_path: Path) -> None:
    stage: CampaignStage = await make_stage()
    await stage.hear(*everything())
    campaign, reports = await finished(stage)
    assert {(each["status"], each["why"], each["sha256"]) for each in reports} == {("WAITING", "NO_SIGNING_KEY", None)}
    assert (await fetch(stage, reports[0]["id"], stage.operator.passport))[0] == 404
    assert await stage.facts("report_made") == []
    assert campaign["status"] == "RUNNING"


async def test_with_a_key_of_another_certificate_none_is_made(make_stage: Callable[..., Any], tmp_path: Path) -> None:
    folder = tmp_path / "authority"
    files = open_authority(folder).report_files(folder)
    stage: CampaignStage = await make_stage(**{**files, "report_key_file": folder / "root.key"})
    await stage.hear(*everything())
    _, reports = await finished(stage)
    assert {(each["status"], each["why"]) for each in reports} == {("WAITING", "SIGNING_KEY_NOT_USABLE")}


async def test_one_that_was_broken_off_is_made_once_more(stage: CampaignStage) -> None:
    """As a process leaves it that was killed after the bytes were put, and before that was noted."""
    reader = stage.service.store.reader()
    campaign = await stage.started()
    await stage.keep_time(days=11)
    claimed = await reader.collection("reports").find_one_and_update(
        {"language": "LV"}, {"$set": {"content_id": "rpc_left", "due_at": stage.clock.now()}}
    )
    assert claimed is not None
    await reader.files("report_contents").put("rpc_left", b"half a report")
    await stage.print()
    [reports] = (await stage.operator.load("reports_by_campaign", [campaign["id"]])).rows
    assert {each["status"] for each in reports} == {"MADE"}
    assert await reader.files("report_contents").get("rpc_left") is None
    assert len(await stage.facts("report_made")) == 3
