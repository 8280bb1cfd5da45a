"""Who can mend a link that does not hold, and with which deed of the graph."""

from enum import StrEnum
from typing import NamedTuple

from services.enforcement.checks.chain import Fault, Link


class Side(StrEnum):
    """For whom somebody acts."""

    RECIPIENT = "RECIPIENT"
    PROVIDER = "PROVIDER"
    OPERATOR = "OPERATOR"


class Mender(NamedTuple):
    """Who can mend: which side, which action its role has to allow, by which mutation.

    Without an action whoever calls can; without a mutation it is done where the call is made, not in the graph.
    """

    side: Side
    action: str | None = None
    verb: str | None = None


_CALLER = Mender(Side.RECIPIENT)
_NEW_SECRET = Mender(Side.RECIPIENT, "REISSUE_SECRET", "issueSecret")
_PUBLISHER = Mender(Side.PROVIDER, "MANAGE_PRODUCTS", "publishVersion")
_OTHER_PLAN = Mender(Side.RECIPIENT, "SUBSCRIBE", "changeSubscriptionPlan")
_ASKS_PERMISSION = Mender(Side.RECIPIENT, "REQUEST_PERMISSION", "requestPermission")
_GRANTS = Mender(Side.PROVIDER, "DECIDE_PERMISSIONS", "grantPermission")
_OPERATES = Mender(Side.OPERATOR, "OPERATOR_ADMINISTRATOR")
_CONFIRMS = Mender(Side.RECIPIENT, "RECERTIFY", "confirmItems")

_BY_CODE: dict[str, tuple[Mender, ...]] = {
    "TOKEN_MISSING": (_CALLER,),
    "TOKEN_INVALID": (_CALLER,),
    "TOKEN_EXPIRED": (_CALLER,),
    "TOKEN_REVOKED": (_CALLER,),
    "CERTIFICATE_NOT_SHOWN": (_CALLER,),
    "SECRET_RETIRED": (_NEW_SECRET,),
    "CLIENT_KEY_REMOVED": (Mender(Side.RECIPIENT, "REISSUE_SECRET", "registerClientKey"),),
    "CERTIFICATE_REVOKED": (Mender(Side.RECIPIENT, "MANAGE_CERTIFICATES", "registerCertificate"),),
    "CERTIFICATE_SUSPENDED": (_CONFIRMS,),
    "APPLICATION_UNKNOWN": (Mender(Side.RECIPIENT, "CREATE_APPLICATION", "createApplication"),),
    "API_NOT_FOUND": (_PUBLISHER,),
    "VERSION_RETIRED": (_CALLER, _PUBLISHER),
    "OPERATION_NOT_FOUND": (_CALLER, _PUBLISHER),
    "METHOD_NOT_ALLOWED": (_CALLER, _PUBLISHER),
    "SCOPE_NOT_GRANTED": (_CALLER,),
    "NOT_SUBSCRIBED": (Mender(Side.RECIPIENT, "SUBSCRIBE", "subscribe"),),
    "OPERATION_NOT_PERMITTED": (_GRANTS, _ASKS_PERMISSION),
    "PERMISSION_QUOTA_EXCEEDED": (Mender(Side.PROVIDER, "DECIDE_PERMISSIONS", "extendPermission"),),
    "QUOTA_EXCEEDED": (_OTHER_PLAN,),
    "RATE_EXCEEDED": (_CALLER, _OTHER_PLAN),
    "CALL_NOT_COUNTED": (_CALLER,),
    "ENFORCEMENT_NOT_FRESH": (_OPERATES,),
}
_BY_CAUSE: dict[str, tuple[Mender, ...]] = {
    "PROVIDER": (Mender(Side.PROVIDER, "DECIDE_SUBSCRIPTIONS", "resumeSubscription"),),
    "RECIPIENT": (Mender(Side.RECIPIENT, "SUBSCRIBE", "resumeSubscription"),),
    "OPERATOR": (Mender(Side.OPERATOR, "OPERATOR_ADMINISTRATOR", "resumeSubscription"),),
    "ONBOARDING": (
        Mender(Side.RECIPIENT, "FILE_ONBOARDING_REQUEST", "submitOnboardingRequest"),
        Mender(Side.OPERATOR, "OPERATOR_ADMINISTRATOR", "approveOnboardingRequest"),
    ),
    "AGREEMENT": (
        Mender(Side.RECIPIENT, "FILE_CONNECTION_REQUEST", "fileConnectionRequest"),
        Mender(Side.PROVIDER, "CONCLUDE_AGREEMENTS", "countersignAgreement"),
    ),
    "PERMISSION": (_GRANTS, _ASKS_PERMISSION),
    "RECERTIFICATION": (_CONFIRMS,),
}
_APPROVES = Mender(Side.PROVIDER, "DECIDE_SUBSCRIPTIONS", "approveSubscription")
MENDERS = frozenset(each for of in (*_BY_CODE.values(), *_BY_CAUSE.values(), (_APPROVES,)) for each in of)
"""Everybody who is ever named."""
CODES = frozenset(_BY_CODE) | {"SUBSCRIPTION_SUSPENDED"}
"""The codes of all faults for which somebody is named."""


def menders_of(fault: Fault, *, is_pending: bool = False) -> tuple[Mender, ...]:
    """Return who can mend a fault, whose turn is first first; ``is_pending``: a subscription waits for the provider."""
    if fault.link is Link.ORGANIZATION:
        return ()  # An organization that is gone does not come back.
    if fault.causes:
        causes = (each for each in fault.causes if (each == "AGREEMENT") is (fault.link is Link.AGREEMENT))
        return tuple(dict.fromkeys(mender for cause in causes for mender in _BY_CAUSE.get(cause, ())))
    if is_pending and fault.link is Link.SUBSCRIPTION:
        return (_APPROVES,)
    return _BY_CODE.get(fault.refusal.code, ())
