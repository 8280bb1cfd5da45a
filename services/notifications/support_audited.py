"""Which of the things of support are audited, and what of them is shown: a part of the service's table.

Messages concern no organization, or its trail would tell of the notes that it is not to see; what they say leaves as a digest.
A private request concerns no organization either, so that nobody who reads the organization's trail learns of it.
"""

from collections.abc import Mapping

from chassis.acts import Audited, audited

SUPPORT_AUDITED: Mapping[str, Audited] = {
    "support_requests": audited(
        "support_request",
        organizations="organization_id?is_shared provider_id",
        shown="category priority status waits_for held_since opened_at opened_by organization_id is_private topic holder_id"
        " provider_id writers solved_at closed_at follows",
        digested="subject mail_from",
        ignored="is_open is_shared held_ms messages",
    ),
    "support_messages": audited(
        "support_message",
        organizations="",
        shown="request_id side author_id at attachment_ids is_note channel",
        digested="text mail_id",
    ),
    "support_attachments": audited(
        "support_attachment",
        organizations="",
        shown="content_type size sha256 uploaded_by uploaded_at attached_to is_internal",
        digested="name",
        ignored="state expires_at",
    ),
}
_COPY = "it is a copy of what others have announced"
_CONTENTS = "contents are put outside of transactions; the file is told of its note"
_HELD = "it is touched so that two at a time follow one another"
SUPPORT_NOT_AUDITED: Mapping[str, str] = {
    "support_contents.chunks": _CONTENTS,
    "support_contents.files": _CONTENTS,
    "support_uploaders": _HELD,
    "support_asking": _HELD,
    "support_things": _COPY,
    "support_published_products": _COPY,
    "support_addresses": _COPY,
    "support_reply_addresses": "where answers come back is made with the letter, and a secret of its reader",
    "support_mails_taken": "it only says which mails came before",
}
