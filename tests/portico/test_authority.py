"""The demonstration's authority: what it signs is signed and time-stamped for whoever trusts it, and for nobody else."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

from portico.authority import ANCHORS, open_authority, plain_pdf
from services.identity.signatures.anchors import Anchors, read_anchors
from services.identity.signatures.judge import judge


async def test_what_it_signs_is_signed_and_time_stamped_for_those_who_trust_it(tmp_path: Path) -> None:
    signatory = open_authority(tmp_path).signatory("Anna", "Liepa", "PNOLV-010190-11111")
    again = open_authority(tmp_path)  # its keys are kept
    signed = await again.sign(plain_pdf("We ask (for access)."), signatory)
    both = await again.sign(signed, again.signatory("Karlis", "Ozols", "PNOLV-020280-22222"))
    later = datetime.now(UTC) + timedelta(minutes=1)
    for content, signatures in ((signed, 1), (both, 2)):
        finding = await judge(content, "request.pdf", read_anchors(tmp_path / ANCHORS), later)
        assert finding.verdict == "SIGNED_AND_TIMESTAMPED", finding.as_document()
        assert len(finding.as_document()["signatures"]) == signatures
    assert (await judge(signed, "request.pdf", Anchors(), later)).verdict != "SIGNED_AND_TIMESTAMPED"
    assert (tmp_path / "root.key").stat().st_mode & 0o077 == 0
