"""What can be done with files."""

import hashlib
from datetime import datetime, timedelta

from chassis.acts import Deed
from chassis.files import Upload
from chassis.ids import new_id
from chassis.mongo import Reader, Store, Transaction
from chassis.principal import Principal
from services.identity import throttles
from services.identity.files import repository
from services.identity.files.domain import (
    FILE_PREFIX,
    LONGEST_UPLOAD,
    MOST_UNATTACHED,
    File,
    FileDamaged,
    FileState,
    NoSuchFile,
    TooManyUnattachedFiles,
)
from services.identity.throttles import Limit

UPLOAD = Deed("upload_file")
_UPLOADS = Limit("upload-file", tries=200, window=timedelta(hours=1))
_BATCH = 100


async def announce_upload(tx: Transaction, upload: Upload) -> File:
    """Write down that a file is coming, before its contents are put.

    Raises ``SignInFirst``, ``TooManyUnattachedFiles`` or ``TriedTooOften``.
    """
    user_id = tx.principal.require_signed_in()
    # Counting the try also makes uploads of one user follow one another, so that two of them cannot both be the last.
    await throttles.count_try(tx, _UPLOADS, user_id)
    if await repository.count_unattached(tx, user_id) >= MOST_UNATTACHED:
        raise TooManyUnattachedFiles
    file = File(
        id=new_id(FILE_PREFIX),
        name=upload.name,
        content_type=upload.content_type,
        size=len(upload.content),
        sha256=upload.sha256,
        uploaded_by=user_id,
        uploaded_at=tx.now,
        state=FileState.COMING,
        expires_at=tx.now + LONGEST_UPLOAD,
    )
    await repository.add(tx, file)
    return file


async def put_contents(reader: Reader, file: File, upload: Upload) -> None:
    """Keep the contents of a file that was written down, outside of any transaction."""
    await repository.put_contents(reader, file.id, upload.content)


async def keep(tx: Transaction, file_id: str) -> File:
    """Note and announce that the contents are there. Raises ``FileDamaged`` where they came too late to be kept."""
    file = await repository.find(tx, file_id)
    if file is None or file.state is not FileState.COMING:
        raise FileDamaged
    kept, fact = file.keep(tx.now)
    await repository.save(tx, kept)
    await tx.emit(fact, subject=file_id)
    return kept


async def attach(tx: Transaction, file_id: str, thing_id: str) -> File:
    """Hang a file of the one who asks on a thing, for good (for those who have checked the thing). Raises ``NoSuchFile``."""
    return await attach_for(tx, file_id, thing_id, user_id=tx.principal.require_signed_in(), at=tx.now)


async def attach_for(tx: Transaction, file_id: str, thing_id: str, *, user_id: str, at: datetime) -> File:
    """Hang a file of somebody who did so at a moment on a thing, for good. Raises ``NoSuchFile``."""
    file = await repository.find(tx, file_id)
    if file is None:
        raise NoSuchFile
    attached = file.attach(thing_id, user_id, at)
    await repository.save(tx, attached)
    return attached


async def release(tx: Transaction, file_id: str) -> None:
    """Take a file off the thing it hangs on (for those who have checked the thing); it lapses at once."""
    file = await repository.find(tx, file_id)
    if file is not None:
        await repository.save(tx, file.release(tx.now))


async def keep_or_forget(store: Store, principal: Principal, coming: File) -> File:
    """Note that the contents are there, or remove them where they came too late: of those nothing is noted any more.

    Raises ``FileDamaged``.
    """
    try:
        return await store.transact(principal, lambda tx: keep(tx, coming.id), deed=UPLOAD)
    except FileDamaged:
        await repository.forget(store.reader(principal), coming.id)
        raise


async def read_contents(reader: Reader, file: File) -> bytes:
    """Return the contents of a file, checked against its checksum. Raises ``FileDamaged``."""
    content = await repository.get_contents(reader, file.id)
    if content is None or hashlib.sha256(content).hexdigest() != file.sha256:
        raise FileDamaged
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
