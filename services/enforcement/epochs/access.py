"""Who may know whether a change is in force: whoever may hear of the change, and the operator's staff.

Of a thing that is not known here, or not to the one who asks, the same is said: that nothing has been heard of it.
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from chassis.mongo import Document, Reader
from chassis.principal import Principal
from services.enforcement.epochs import repository
from services.enforcement.epochs.domain import Instance
from services.enforcement.state import numbering
from services.enforcement.state.numbering import InForce

STAFF = ("OPERATOR_ADMINISTRATOR", "SUPPORT")


class Standing(NamedTuple):
    """How far a change is; without anything where nothing has been heard of it."""

    is_heard: bool = False
    epoch: int | None = None
    since: InForce | None = None
    is_long_past: bool = False
    """It was written before changes were numbered."""
    pending: tuple[str, ...] = ()
    applied: int = 0


class Everything(NamedTuple):
    """How far all is: the last epoch, those that are not in force yet, and the instances with whether each is silent."""

    epoch: int
    pending: int
    instances: list[tuple[Instance, bool]]


class Expected(NamedTuple):
    """What the asker knows of a thing: its id, when it last changed, and how it has stood since."""

    id: str
    as_of: datetime | None = None
    fields: Mapping[str, object] | None = None

    def is_met_by(self, copy: Document) -> bool:
        """Say whether a kept copy is as new as what the asker knows."""
        announced_at = copy.get("announced_at")
        if self.as_of is not None and announced_at is not None and announced_at < self.as_of:
            return False
        return all(copy.get(name) == value for name, value in (self.fields or {}).items())


NOTHING_HEARD = Standing()


async def standings(reader: Reader, expected: Sequence[Expected | None], *, fresh_seconds: float) -> list[Standing]:
    """Return how far what is expected is, each; ``NOTHING_HEARD`` for what is not known, or not as new as that."""
    wanted = {each.id for each in expected if each is not None}
    copies = await numbering.find(reader, wanted) if wanted else {}
    seen = await _visible(reader, copies)
    instances = [each for each, is_silent in await _instances(reader, fresh_seconds) if not is_silent] if seen else []
    found = []
    for each in expected:
        copy = None if each is None else seen.get(each.id)
        is_known = each is not None and copy is not None and each.is_met_by(copy)
        found.append(_standing(copy, instances) if is_known and copy is not None else NOTHING_HEARD)
    return found


async def everything(reader: Reader, *, fresh_seconds: float) -> Everything | None:
    """Return how far all is, for the operator's staff; None for others."""
    if not reader.principal.has_platform_role(*STAFF):
        return None
    pending = await repository.count_pending(reader)
    return Everything(await numbering.numbered_through(reader), pending, await _instances(reader, fresh_seconds))


def _standing(copy: Document, instances: Collection[Instance]) -> Standing:
    since, epoch = numbering.in_force_of(copy), numbering.epoch_of(copy)
    if since is not None:
        return Standing(is_heard=True, epoch=epoch, since=since, applied=since.instances)
    if epoch is None and "epoch" not in copy:
        return Standing(is_heard=True, is_long_past=True)
    behind = tuple(each.id for each in instances if epoch is None or each.acknowledged.epoch < epoch)
    return Standing(is_heard=True, epoch=epoch, pending=behind, applied=len(instances) - len(behind))


async def _instances(reader: Reader, fresh_seconds: float) -> list[tuple[Instance, bool]]:
    past = reader.now - timedelta(seconds=fresh_seconds)
    return [(each, each.alive_at < past) for each in await repository.instances(reader)]


async def _visible(reader: Reader, copies: Mapping[str, Document]) -> dict[str, Document]:
    principal = reader.principal
    if principal.has_platform_role(*STAFF):
        return dict(copies)
    applications = {copy["application_id"] for copy in copies.values() if "audience" not in copy and "application_id" in copy}
    owners = await numbering.find(reader, applications) if applications else {}
    return {key: copy for key, copy in copies.items() if _may_hear(principal, copy, owners)}


def _may_hear(principal: Principal, copy: Document, owners: Mapping[str, Document]) -> bool:
    audience = copy.get("audience")
    if audience is None:  # written before audiences were kept: whose it is, or whose application's
        owner = owners.get(str(copy.get("application_id")), copy)
        audience = [owner.get("organization_id")]
    return any(each is not None and principal.is_member(each) for each in audience)
