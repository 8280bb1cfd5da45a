"""Notices: what one was told, in the inbox, and of what one is mailed."""

from enum import Enum
from typing import Annotated

import strawberry

from graphql_gateway.engine.declare import Constant, Load, does, planned, reads
from graphql_gateway.schema.described import enum, input_, type_
from graphql_gateway.schema.nodes import Connection, Node
from graphql_gateway.schema.problems import Problem
from graphql_gateway.schema.scalars import DateTime
from graphql_gateway.schema.services import NOTIFICATIONS

OWN_INBOX = Load(NOTIFICATIONS, "inbox_of_viewer", Constant("me"))
OWN_UNREAD = Load(NOTIFICATIONS, "unread_notices_of_viewer", Constant("me"))
OWN_PREFERENCES = Load(NOTIFICATIONS, "notice_preferences_of_viewer", Constant("me"))


@enum
class NoticeTopic(Enum):
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


@enum
class MailedAlwaysBecause(Enum):
    """Why a topic is mailed whatever its reader would like."""

    LEGAL = "LEGAL"
    SECURITY = "SECURITY"


@type_
class Notice(Node):
    """Something that the viewer was told, in the viewer's language."""

    kind: str = reads(says="What happened, such as PERMISSION_GRANTED; there may be more kinds any day.")
    topic: NoticeTopic
    title: str
    text: str
    link: str = reads(says="Where the thing stands in the portal.")
    organization_id: strawberry.ID | None = reads(says="In which organization it concerns the viewer; null where in none.")
    about: strawberry.ID | None = reads(says="The id of the thing, where there is one.")
    created_at: DateTime
    read_at: DateTime | None


NoticeConnection = Connection[Notice]


@type_
class NoticePreference:
    """Whether a topic (or all of which nothing else is said) is mailed, in an organization or in all; the inbox keeps all."""

    topic: NoticeTopic | None
    organization_id: strawberry.ID | None
    mail: bool
    is_chosen: bool = reads(says="Whether the viewer has said so; otherwise it follows from what was said more generally.")
    always_because: MailedAlwaysBecause | None = reads(says="Why it cannot be turned off; null where it can.")


@type_
class NoticePreferences:
    """What the viewer is mailed."""

    preferences: list[NoticePreference] = reads(size=20)
    mail_refused_at: DateTime | None = reads(says="Since when the viewer's mail server takes no mail; null where it does.")


@type_
class MarkedRead:
    """How many notices were marked as read, and how many are left unread."""

    marked: int
    unread: int


@input_
class MarkReadInput:
    """Which notices were read: by their ids, at most 100, or all."""

    notice_ids: list[strawberry.ID] | None = strawberry.UNSET
    all: bool = False


@input_
class ChangeNoticePreferenceInput:
    """What is mailed: without a topic all of which nothing else is said, without an organization everywhere.

    `mail: null` takes a choice back.
    """

    topic: NoticeTopic | None = strawberry.UNSET
    organization_id: strawberry.ID | None = strawberry.UNSET
    mail: bool | None = strawberry.UNSET


@type_
class NoticeMutations:
    """What is done about notices."""

    @does(NOTIFICATIONS, "mark_read")
    def mark_read(
        self, input_: Annotated[MarkReadInput, strawberry.argument(name="input")]
    ) -> Annotated[MarkedRead | Problem, strawberry.union("MarkReadResult")]:
        """Note that notices were read."""
        planned(input_)

    @does(NOTIFICATIONS, "change_notice_preference")
    def change_notice_preference(
        self, input_: Annotated[ChangeNoticePreferenceInput, strawberry.argument(name="input")]
    ) -> Annotated[NoticePreferences | Problem, strawberry.union("ChangeNoticePreferenceResult")]:
        """Choose what is mailed beside the inbox; what is mailed for legal reasons or for one's security cannot be turned off."""
        planned(input_)
