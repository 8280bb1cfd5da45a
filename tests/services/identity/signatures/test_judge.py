import asyncio
import os
import signal
from asyncio.subprocess import PIPE
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import Encoding

from services.identity.signatures import apart
from services.identity.signatures.anchors import Anchors, AnchorsNotUsable, read_anchors
from services.identity.signatures.apart import Limits
from services.identity.signatures.codes import CODES, VERDICTS
from services.identity.signatures.findings import without_personal_data
from services.identity.signatures.judge import judge
from tests.services.identity.signatures import making
from tests.services.identity.signatures.authorities import JUDGED, ROOT, SIGNER, issued


async def test_a_file_is_judged_by_a_process_of_its_own() -> None:
    finding = await judge(making.signed_pdf(), "request.pdf", making.test_anchors(), JUDGED)
    assert finding.verdict == "SIGNED_AND_TIMESTAMPED"
    masked = without_personal_data(finding.as_document())
    assert masked["signatures"][0]["signer"]["personal_code"]["text"] is None


async def test_without_authorities_nobody_is_trusted() -> None:
    finding = await judge(making.signed_asice(), "request.edoc", Anchors(), JUDGED)
    assert finding.verdict == "SIGNED_NOT_TRUSTED"


@pytest.mark.parametrize(
    ("limits", "codes"),
    [
        (Limits(seconds=0.05), {"JUDGING_TOO_LONG"}),
        (Limits(computing_seconds=0), {"JUDGING_TOO_LONG"}),
        (Limits(memory_bytes=40_000_000), {"JUDGING_TOO_LARGE", "JUDGING_FAILED"}),
    ],
)
async def test_a_judge_that_is_stopped_is_a_finding(limits: Limits, codes: set[str]) -> None:
    finding = await judge(making.signed_asice(), "request.asice", making.test_anchors(), JUDGED, limits=limits)
    assert finding.verdict == "NOT_READABLE"
    assert {each.code for each in finding.problems} <= codes


async def test_a_file_that_is_too_large_is_not_read() -> None:
    finding = await judge(b"%PDF-" + bytes(10 * 1024 * 1024), "large.pdf", making.test_anchors(), JUDGED)
    assert [each.code for each in finding.problems] == ["FILE_TOO_LARGE"]


def test_authorities_are_read_from_a_folder(tmp_path: Path) -> None:
    assert read_anchors(None) == Anchors()
    with pytest.raises(AnchorsNotUsable, match="cannot be read"):
        read_anchors(tmp_path / "missing")
    with pytest.raises(AnchorsNotUsable, match="holds no"):
        read_anchors(tmp_path)
    (tmp_path / "root.pem").write_bytes(issued(ROOT).certificate.public_bytes(Encoding.PEM))
    assert read_anchors(tmp_path) == making.test_anchors()
    (tmp_path / "signer.pem").write_bytes(issued(SIGNER).certificate.public_bytes(Encoding.PEM))
    with pytest.raises(AnchorsNotUsable, match="no authority"):
        read_anchors(tmp_path)
    (tmp_path / "signer.pem").write_text("rubbish")
    with pytest.raises(AnchorsNotUsable, match="holds no PEM"):
        read_anchors(tmp_path)


def test_every_code_is_documented() -> None:
    page = Path("docs/mechanisms/signatures.md").read_text()
    assert not [code for code in [*CODES, *VERDICTS] if f"`{code}`" not in page]


async def test_what_holds_the_pipes_of_a_killed_program_open_holds_up_nothing_else() -> None:
    program = await asyncio.create_subprocess_exec(
        "sh", "-c", "sleep 600 & echo begun; wait", stdin=PIPE, stdout=PIPE, stderr=PIPE, start_new_session=True
    )
    assert program.stdout is not None
    assert await program.stdout.readline() == b"begun\n"
    try:
        await apart.end(program, seconds=0.2)
        os.killpg(program.pid, 0)  # the other one, which holds the pipes, still runs
    finally:
        os.killpg(program.pid, signal.SIGKILL)
        await program.communicate()
    assert program.returncode == -signal.SIGKILL
