"""The door to questions about rights: answered from the very table that enforces."""

from collections.abc import Sequence
from dataclasses import dataclass

from chassis.ids import prefix_of
from chassis.mongo import Reader
from services.identity.applications import access as applications
from services.identity.organizations import access as organizations


@dataclass(frozen=True, slots=True)
class Permit:
    """Whether something is allowed, and the code of the reason where it is not."""

    allowed: bool
    reason: str | None = None


async def permits(reader: Reader, questions: Sequence[tuple[str, str]]) -> list[Permit]:
    """Return for each (action, id of an organization or application) whether the one who asks may.

    To a stranger a thing does not exist, so the answers for what is foreign and for what is not there are the same.
    """
    if reader.principal.is_anonymous:
        return [Permit(allowed=False, reason="SIGN_IN_FIRST") for _ in questions]
    application_ids = [on for _, on in questions if prefix_of(on) == "app"]
    owners = await applications.organizations_of(reader, application_ids) if application_ids else {}
    standings = await organizations.own_standings(reader, [owners.get(on, on) for _, on in questions])
    answers = []
    for action, on in questions:
        standing = standings.get(owners.get(on, on))
        if standing is None:
            answers.append(Permit(allowed=False, reason="NOT_FOUND"))
        elif not standing.may(action):
            answers.append(Permit(allowed=False, reason="ROLE_NOT_ALLOWED"))
        else:
            answers.append(Permit(allowed=True))
    return answers
