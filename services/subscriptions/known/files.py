"""The files that people have uploaded, as far as they are known here: whoever attaches one names it by its id."""

from dataclasses import dataclass

from chassis.mongo import Index, Reader

KEPT_FILES = "kept_files"
INDEXES = (Index(KEPT_FILES, (("uploaded_by", 1),)),)


@dataclass(frozen=True, slots=True)
class KeptFile:
    """What is known here of a file that somebody has uploaded."""

    id: str
    uploaded_by: str
    name: str
    content_type: str
    size: int
    sha256: str


async def find_file(reader: Reader, file_id: str) -> KeptFile | None:
    """Return the local copy of a file, or None where it is not heard of."""
    copy = await reader.collection(KEPT_FILES).find_one({"_id": file_id})
    if copy is None:
        return None
    return KeptFile(
        copy["_id"],
        copy["uploaded_by"],
        name=copy["name"],
        content_type=copy["content_type"],
        size=copy["size"],
        sha256=copy["sha256"],
    )
