"""What is true of choosing what is mailed."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import StrEnum

from chassis.errors import Conflict, Invalid, NotFound

MOST_CHOICES = 500


class Topic(StrEnum):
    """What a notice is about: the kinds of notices that are mailed or not together."""

    PERMISSIONS = "PERMISSIONS"
    SUBSCRIPTIONS = "SUBSCRIPTIONS"
    CONNECTIONS = "CONNECTIONS"
    APPROVALS = "APPROVALS"
    VERSIONS = "VERSIONS"
    SUPPORT = "SUPPORT"
    WEBHOOKS = "WEBHOOKS"
    RECERTIFICATION = "RECERTIFICATION"
    AGREEMENTS = "AGREEMENTS"
    ONBOARDING = "ONBOARDING"
    SECURITY = "SECURITY"


class WhyAlways(StrEnum):
    """Why a topic is mailed whatever its reader would like."""

    LEGAL = "LEGAL"
    SECURITY = "SECURITY"


ALWAYS_MAILED = {
    Topic.AGREEMENTS: WhyAlways.LEGAL,  # what binds the parties begins and ends with these
    Topic.ONBOARDING: WhyAlways.LEGAL,  # the operator's decisions about an organization
    Topic.SECURITY: WhyAlways.SECURITY,  # who owns, who is of the staff, what proves an application
}


class MailedAlways(Conflict):
    """This topic is always mailed, for legal reasons or for your security; it cannot be turned off."""


class NoSuchMembership(NotFound):
    """There is no such organization among yours."""


class TooManyChoices(Invalid):
    """There are too many choices already; take back one that is not needed any more."""


@dataclass(frozen=True, slots=True)
class Choice:
    """Whether something is mailed: of a topic (or of all that nothing else is said of), in an organization (or in all)."""

    topic: Topic | None
    organization_id: str | None
    mail: bool

    @property
    def place(self) -> tuple[Topic | None, str | None]:
        """Return what the choice is made for."""
        return self.topic, self.organization_id


@dataclass(frozen=True, slots=True)
class Preferences:
    """What somebody has chosen; where nothing was, everything is mailed."""

    user_id: str
    choices: tuple[Choice, ...] = ()

    def wants_mail(self, topic: Topic, organization_id: str | None) -> bool:
        """Say whether a notice is mailed: the closest choice decides, the topic before the organization."""
        if topic in ALWAYS_MAILED:
            return True
        said = {each.place: each.mail for each in self.choices}
        places = ((topic, organization_id), (topic, None), (None, organization_id), (None, None))
        return next((said[place] for place in places if place in said), True)

    def choose(self, topic: Topic | None, organization_id: str | None, mail: bool | None) -> "Preferences":  # noqa: FBT001 - three states
        """Return the preferences with a choice made, or (None) taken back. Raises ``MailedAlways`` or ``TooManyChoices``."""
        if topic in ALWAYS_MAILED and mail is False:
            raise MailedAlways
        others = tuple(each for each in self.choices if each.place != (topic, organization_id))
        if mail is None:
            return replace(self, choices=others)
        if len(others) >= MOST_CHOICES:
            raise TooManyChoices
        return replace(self, choices=(*others, Choice(topic, organization_id, mail)))


def organizations_in(choices: Iterable[Choice]) -> list[str]:
    """Return the organizations that something was chosen for, in order."""
    return list(dict.fromkeys(each.organization_id for each in choices if each.organization_id is not None))
