"""Signed files for tests of what stands on the judge; keys are made once per run, so each further file takes milliseconds."""

from datetime import datetime

from services.identity.signatures.anchors import Anchors
from tests.services.identity.signatures import authorities
from tests.services.identity.signatures.authorities import SIGNED, SIGNER, Holder, time_stamper
from tests.services.identity.signatures.containers import Xades, container, stamp_at
from tests.services.identity.signatures.pdfs import blank_pdf, sign


def test_anchors() -> Anchors:
    """Return the authorities to which the files made here can be traced."""
    return authorities.test_anchors()


test_anchors.__test__ = False  # type: ignore[attr-defined]  # a name for tests, not one of them


def signed_pdf(*, signer: Holder = SIGNER, time: datetime = SIGNED, stamped: bool = True) -> bytes:
    """Return a PDF of one page, signed by a person, with a time stamp unless told otherwise."""
    return sign(blank_pdf(), signer=signer, stamper=time_stamper(time) if stamped else None)


def signed_asice(
    files: dict[str, bytes] | None = None, *, signer: Holder = SIGNER, time: datetime = SIGNED, stamped: bool = True
) -> bytes:
    """Return an ASiC-E container of files, all signed by one person, with a time stamp unless told otherwise."""
    held = files or {"request.txt": b"We ask for access."}
    signature = Xades(held, signer, stamp_at(time) if stamped else None, claimed=time)
    return container(signature, files=held)
