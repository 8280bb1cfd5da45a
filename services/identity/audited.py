"""Which of identity's things are audited, and what of them is shown: one table. People are shown as ids alone."""

from collections.abc import Mapping

from chassis.acts import Acts, Audited, audited
from services.identity.events import ActRecorded

AUDITED: Mapping[str, Audited] = {
    "users": audited(
        "user",
        organizations="",
        acted_by="_id",
        shown="created_at language granted_roles password_is_long",
        digested="name email",
        hidden="password_hash",
        ignored="email_key rights_version held announced_as_named announced_address words",
    ),
    "registrations": audited(
        "registration",
        organizations="",
        shown="created_at expires_at language",
        digested="name email",
        hidden="password_hash token_hash",
        ignored="email_key",
    ),
    "links": audited(
        "mailed_link",
        organizations="",
        shown="purpose user_id created_at expires_at",
        digested="email",
        hidden="token_hash",
        ignored="email_key",
    ),
    "sessions": audited(
        "session",
        organizations="",
        acted_by="user_id",
        shown="user_id created_at expires_at authenticated_at methods",
        digested="user_agent network_address",
        hidden="token_hash",
        ignored="seen_at",
    ),
    "factors": audited(
        "factor",
        organizations="",
        acted_by="user_id",
        shown="user_id kind is_on created_at",
        digested="name credential_id",
        hidden="secret public_key",
        ignored="last_used_at last_step sign_count",
    ),
    "recovery_codes": audited("recovery_code", organizations="", shown="user_id created_at", hidden="code_hash"),
    "outside_identities": audited(
        "outside_identity",
        organizations="",
        acted_by="user_id",
        shown="user_id provider issuer linked_at",
        digested="subject",
        ignored="last_used_at",
    ),
    "organizations": audited(
        "organization",
        organizations="_id",
        shown="name is_test owner_id created_at is_provider deleted_at deleted_by",
        ignored="held due_at is_ending ended_at words",
    ),
    "memberships": audited("membership", shown="organization_id user_id role since suspended_at"),
    "invitations": audited(
        "invitation",
        shown="organization_id role invited_by created_at expires_at state",
        digested="email",
        hidden="token_hash",
        ignored="email_key",
    ),
    "applications": audited(
        "application",
        shown="organization_id name client_id created_at is_live deleted_at secrets",
        digested="description secrets.hint",
        hidden="secrets.hash",
        ignored="name_key due_at words secrets.look_at secrets.silent_at secrets.warned_days",
    ),
    "certificates": audited(
        "certificate",
        shown="organization_id application_id name thumbprint not_before not_after chained_to registered_at revoked_at"
        " revocation_reason may_return suspended_at",
        digested="subject issuer serial_number",
        ignored="last_used_at remind_at is_revoked is_held words",
    ),
    "client_keys": audited(
        "client_key",
        shown="application_id organization_id kid thumbprint algorithms created_at is_live removed_at",
        digested="jwk",
        ignored="slot",
    ),
    "trials": audited(
        "trial",
        shown="application_id organization_id user_id version_id operation_id environment began_at",
        ignored="lapses_at",
    ),
    "data_exchanges": audited("data_exchange", shown="organization_id number request_id assigned_at", ignored="words"),
    "files": audited(
        "file",
        organizations="",
        shown="content_type size sha256 uploaded_by uploaded_at state attached_to",
        digested="name",
        ignored="expires_at",
    ),
    "onboarding_requests": audited(
        "onboarding_request",
        shown="organization_id channel language filed_by created_at received_at status round_ taken_by submitted_at number"
        " documents.file_id documents.sha256 documents.attached_by documents.attached_at",
        digested="form documents",
        ignored="held_since acts held_ms is_open is_filed open_key registration_key waits_for_judge words documents.judging"
        " documents.tries documents.finding",
    ),
}
_COPY = "it is a copy of what others have announced"
_SIGNING_IN = "it is a step on the way to a session, and lapses"
_COUNTED = "it is counted or derived, and nobody's decision"
NOT_AUDITED: Mapping[str, str] = {
    "announced_tables": _COUNTED,
    "application_totals": _COUNTED,
    "call_sources": _COUNTED,
    "certificate_places": _COUNTED,
    "challenges": _SIGNING_IN,
    "contents.chunks": "the contents of files; what becomes of a file is told of the file",
    "contents.files": "the contents of files; what becomes of a file is told of the file",
    "counters": _COUNTED,
    "findings": "what was found out about a file by a program; it names who signed it",
    "heard_agreements": _COPY,
    "heard_products": _COPY,
    "heard_representatives": _COPY,
    "heard_subscriptions": _COPY,
    "heard_substitutes": _COPY,
    "heard_versions": _COPY,
    "known_networks": _SIGNING_IN,
    "mails": "a letter is the consequence of an act, and sealed",
    "openid_ways": _SIGNING_IN,
    "provider_standings": _COPY,
    "recertified_items": _COPY,
    "revoked_tokens": "an application revokes its own token at the authorization server; it lapses within minutes",
    "secret_uses": _COUNTED,
    "seen_days": _COUNTED,
    "sign_in_alarms": "it waits to be announced: the announcement says so",
    "throttles": _COUNTED,
    "used_assertions": _SIGNING_IN,
}
ACTS = Acts(ActRecorded, AUDITED, NOT_AUDITED)
