"""What is done when it is announced that a file was attached to an agreement or to a decision."""

from chassis.mongo import Transaction
from services.identity.agreement_files.domain import Attachment
from services.identity.files import actions as files
from services.identity.files import repository as file_repository
from services.identity.findings.actions import ExaminingOffice, ask_for


async def attach(tx: Transaction, attachment: Attachment, office: ExaminingOffice) -> None:
    """Hang a file on what it was attached to and let it be examined, or announce why not; what is done already stays so."""
    file = await file_repository.find(tx, attachment.file_id)
    if attachment.is_done(file):
        return
    refused = attachment.refuse(file)
    if refused is not None:
        await tx.emit(refused, subject=attachment.file_id, organization=attachment.organization_id, audience=attachment.parties)
        return
    attached = await files.attach_for(tx, attachment.file_id, attachment.thing_id, user_id=str(attachment.by), at=attachment.at)
    await ask_for(
        tx,
        office,
        attached,
        attachment.thing_id,
        organization_id=attachment.organization_id,
        audience=attachment.parties,
    )
