"""What can be done with attachments."""

import hashlib
from collections.abc import Sequence

from chassis.acts import Deed
from chassis.files import Upload
from chassis.ids import new_id
from chassis.mongo import Reader, Store, Transaction
from chassis.principal import Principal
from services.notifications.attachments import repository
from services.notifications.attachments.domain import (
    ATTACHMENT_PREFIX,
    LONGEST_UPLOAD,
    MOST_UNATTACHED,
    Attachment,
    AttachmentDamaged,
    NoSuchAttachment,
    State,
    TooManyUnattachedAttachments,
)

_BATCH = 100
UPLOAD = Deed("upload_attachment")


async def announce_upload(tx: Transaction, upload: Upload) -> Attachment:
    """Write down that a file of a user is coming, before its contents are put.

    Raises ``SignInFirst`` or ``TooManyUnattachedAttachments``.
    """
    user_id = tx.principal.require_signed_in()
    await repository.hold_uploader(tx, user_id)
    if await repository.count_unattached(tx, user_id) >= MOST_UNATTACHED:
        raise TooManyUnattachedAttachments
    return await _announce(tx, upload, user_id)


async def announce_mailed(tx: Transaction, uploads: Sequence[Upload]) -> list[Attachment]:
    """Write down that the files of a mail are coming, before their contents are put; they are nobody's uploads."""
    return [await _announce(tx, each, None) for each in uploads]


async def _announce(tx: Transaction, upload: Upload, user_id: str | None) -> Attachment:
    file = Attachment(
        id=new_id(ATTACHMENT_PREFIX),
        name=upload.name,
        content_type=upload.content_type,
        size=len(upload.content),
        sha256=upload.sha256,
        uploaded_by=user_id,
        uploaded_at=tx.now,
        state=State.COMING,
        expires_at=tx.now + LONGEST_UPLOAD,
    )
    await repository.add(tx, file)
    return file


async def put_contents(reader: Reader, file: Attachment, upload: Upload) -> None:
    """Keep the contents of a file that was written down, outside of any transaction."""
    await repository.put_contents(reader, file.id, upload.content)


async def keep(tx: Transaction, attachment_id: str) -> Attachment:
    """Note that the contents are there. Raises ``AttachmentDamaged`` where they came too late to be kept."""
    file = (await repository.find_all(tx, [attachment_id])).get(attachment_id)
    if file is None or file.state is not State.COMING:
        raise AttachmentDamaged
    kept = file.keep(tx.now)
    await repository.save(tx, kept)
    return kept


async def keep_or_forget(store: Store, principal: Principal, coming: Attachment) -> Attachment:
    """Note that the contents are there, or remove them where they came too late: of those nothing is noted any more.

    Raises ``AttachmentDamaged``.
    """
    try:
        return await store.transact(principal, lambda tx: keep(tx, coming.id))
    except AttachmentDamaged:
        await repository.forget(store.reader(principal), coming.id)
        raise


async def attach(tx: Transaction, ids: Sequence[str], request_id: str, *, user_id: str | None, is_internal: bool = False) -> None:
    """Hang files of a user (or of a mail) on a request, for good (for those who have checked it). Raises ``NoSuchAttachment``."""
    found = await repository.find_all(tx, ids)
    for attachment_id in ids:
        if attachment_id not in found:
            raise NoSuchAttachment
        await repository.save(tx, found[attachment_id].attach(request_id, user_id, tx.now, is_internal=is_internal))


async def release_all(tx: Transaction, request_id: str) -> None:
    """Take everything off a request that goes; it lapses at once."""
    for file in await repository.find_of_request(tx, request_id):
        await repository.save(tx, file.release(tx.now))


async def release_unattached(tx: Transaction, user_id: str) -> None:
    """Let what a person had sent and not attached lapse at once."""
    for file in await repository.find_unattached(tx, user_id):
        await repository.save(tx, file.release(tx.now))


async def discard(store: Store, files: Sequence[Attachment]) -> None:
    """Remove files that are to hang on nothing, rather than let them wait until they lapse."""
    reader = store.reader()
    for file in files:
        if await repository.claim_unattached(reader, file):
            await repository.forget(reader, file.id)


async def read_contents(reader: Reader, file: Attachment) -> bytes:
    """Return the contents of a file, checked against its checksum. Raises ``AttachmentDamaged``."""
    content = await repository.get_contents(reader, file.id)
    if content is None or hashlib.sha256(content).hexdigest() != file.sha256:
        raise AttachmentDamaged
    return content


async def remove_lapsed(store: Store) -> int:
    """Remove the files that hung on nothing for too long, and uploads that broke off; return how many there were."""
    removed = 0
    now = store.clock.now()
    while lapsed := await repository.find_lapsed(store.reader(), now, _BATCH):
        for file in lapsed:
            if await repository.claim_lapsed(store.reader(), file, now):
                await repository.forget(store.reader(), file.id)
                removed += 1
    return removed
