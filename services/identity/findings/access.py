"""The door to findings: whoever may see the file sees what was found; a personal code is the operator's administrators' alone."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from chassis.ids import prefix_of
from chassis.mongo import Reader
from services.identity.accounts.domain import PlatformRole
from services.identity.files import access as files
from services.identity.files.access import Viewers
from services.identity.files.domain import File
from services.identity.findings import repository
from services.identity.findings.domain import Judging
from services.identity.signatures.findings import without_personal_data


@dataclass(frozen=True, slots=True)
class Found:
    """How far the examination of a file is, and what it found."""

    judging: Judging
    finding: Mapping[str, Any] | None


# Given files that hang on things of one kind, returns what was found out about them, by file.
Finder = Callable[[Reader, Sequence[File]], Awaitable[dict[str, Found]]]


async def kept(reader: Reader, files_: Sequence[File]) -> dict[str, Found]:
    """Return what is kept here about files (for those who have checked that the files may be seen)."""
    found = await repository.find_all(reader, [each.id for each in files_])
    return {key: Found(each.judging, each.finding) for key, each in found.items()}


async def visible(
    reader: Reader, ids: Sequence[str], viewers: Mapping[str, Viewers], finders: Mapping[str, Finder]
) -> dict[str, Found]:
    """Return by file what was found out, for the files that the one who asks may see, from the ``finders`` of their things."""
    by_prefix: dict[str, list[File]] = {}
    for file in (await files.visible(reader, ids, viewers)).values():
        by_prefix.setdefault(prefix_of(file.attached_to or ""), []).append(file)
    told: dict[str, Found] = {}
    for prefix, some in by_prefix.items():
        if prefix in finders:
            told |= await finders[prefix](reader, some)
    return {key: Found(each.judging, as_seen(reader, each.finding)) for key, each in told.items()}


def as_seen(reader: Reader, finding: Mapping[str, Any] | None) -> Mapping[str, Any] | None:
    """Return a finding as the one who asks may see it: who compares a signer with a form needs the personal code, nobody else."""
    if finding is None or reader.principal.has_platform_role(PlatformRole.OPERATOR_ADMINISTRATOR):
        return finding
    return without_personal_data(dict(finding))
