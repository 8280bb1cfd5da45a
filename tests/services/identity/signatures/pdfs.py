"""PDFs written by hand, and signed by pyHanko with keys of our own."""

import asyncio
import threading
from collections.abc import Callable, Coroutine, Sequence
from datetime import datetime
from io import BytesIO
from typing import Any

from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.pdf_utils.writer import PdfFileWriter, copy_into_new_writer
from pyhanko.sign import fields, signers
from pyhanko.sign.timestamps import TimeStamper
from pyhanko_certvalidator.registry import SimpleCertificateStore

from tests.services.identity.signatures.authorities import SIGNED, SIGNER, Holder, issued, time_stamper

PADES = fields.SigSeedSubFilter.PADES


class _PdfSigner(signers.PdfSigner):
    """A signer whose clock shows what it is told."""

    claimed = SIGNED

    def init_signing_session(self, *told: Any, **named: Any) -> Any:
        session: Any = super().init_signing_session(*told, **named)
        session.system_time = self.claimed
        return session


def blank_pdf(*, catalog: str = "", objects: Sequence[str] = ()) -> bytes:
    """Return a PDF of one page, with more entries in its catalog and more objects, numbered from 6."""
    text = "BT /F1 24 Tf 72 720 Td (We ask for access.) Tj ET"
    bodies = [
        f"<< /Type /Catalog /Pages 2 0 R {catalog} >>",
        "<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R /Resources << /Font << /F1 5 0 R >> >> >>",
        f"<< /Length {len(text)} >>\nstream\n{text}\nendstream",
        "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
        *objects,
    ]
    out = bytearray(b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n")
    places = []
    for number, body in enumerate(bodies, 1):
        places.append(len(out))
        out += f"{number} 0 obj\n{body}\nendobj\n".encode()
    begin = len(out)
    out += f"xref\n0 {len(bodies) + 1}\n0000000000 65535 f \n".encode()
    out += b"".join(f"{place:010} 00000 n \n".encode() for place in places)
    out += f"trailer\n<< /Size {len(bodies) + 1} /Root 1 0 R /ID [<01> <02>] >>\nstartxref\n{begin}\n%%EOF\n".encode()
    return bytes(out)


def form_pdf() -> bytes:
    """Return a PDF with a text field, ``purpose``."""
    field = "<< /Type /Annot /Subtype /Widget /FT /Tx /T (purpose) /V (study) /Rect [72 600 300 620] /P 3 0 R >>"
    pdf = blank_pdf(catalog="/AcroForm << /Fields [6 0 R] /DA (/F1 12 Tf 0 g) >>", objects=[field])
    return pdf.replace(b"/Contents 4 0 R /R", b"/Contents 4 0 R /R")


def sign(
    content: bytes,
    *,
    signer: Holder = SIGNER,
    stamper: TimeStamper | None = None,
    field: str = "Signature1",
    digest: str = "sha256",
    subfilter: fields.SigSeedSubFilter = PADES,
    permission: fields.MDPPerm | None = None,
    lta: Any = None,
    claimed: datetime = SIGNED,
) -> bytes:
    """Return a PDF with one more signature."""
    who = issued(signer)
    settings: dict[str, Any] = {}
    if permission is not None:
        settings |= {"certify": True, "docmdp_permissions": permission}
    if lta is not None:
        settings |= {"embed_validation_info": True, "use_pades_lta": True, "validation_context": lta}
    registry = SimpleCertificateStore.from_certs(who.asn1_chain)  # type: ignore[no-untyped-call]
    simple = signers.SimpleSigner(signing_cert=who.asn1, signing_key=who.asn1_key, cert_registry=registry)
    metadata = signers.PdfSignatureMetadata(field_name=field, md_algorithm=digest, subfilter=subfilter, **settings)
    pdf_signer = _PdfSigner(metadata, signer=simple, timestamper=stamper)
    pdf_signer.claimed = claimed
    writer = IncrementalPdfFileWriter(BytesIO(content))
    out: BytesIO = done(pdf_signer.async_sign_pdf(writer, bytes_reserved=24_000))
    return out.getvalue()


def stamped(content: bytes, time: datetime = SIGNED) -> bytes:
    """Return a PDF with a document time stamp at its end."""
    stamping = signers.PdfTimeStamper(time_stamper(time))
    out: BytesIO = done(
        stamping.async_timestamp_pdf(IncrementalPdfFileWriter(BytesIO(content)), "sha256", validation_context=None)
    )
    return out.getvalue()


def updated(content: bytes, change: Callable[[IncrementalPdfFileWriter], None]) -> bytes:
    """Return a PDF with an incremental update."""
    writer, out = IncrementalPdfFileWriter(BytesIO(content)), BytesIO()
    change(writer)
    writer.write(out)  # type: ignore[no-untyped-call]
    return out.getvalue()


def encrypted(content: bytes, password: str = "secret") -> bytes:
    """Return a PDF that opens with a password only."""
    writer: PdfFileWriter = copy_into_new_writer(PdfFileReader(BytesIO(content)))
    writer.encrypt(owner_pass=password)  # type: ignore[no-untyped-call]
    out = BytesIO()
    writer.write(out)  # type: ignore[no-untyped-call]
    return out.getvalue()


def done(waiting: Coroutine[Any, Any, Any]) -> Any:
    """Return what a coroutine returns, also where a loop is running already."""
    found: list[Any] = []
    failed: list[BaseException] = []

    def run() -> None:
        try:
            found.append(asyncio.run(waiting))
        except BaseException as error:  # noqa: BLE001
            failed.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    if failed:
        raise failed[0]
    return found[0]
