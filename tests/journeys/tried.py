"""What is tried by strangers and by nobody: a verb that is new in the graph gets its line here, and nothing else.

``FOREIGN`` are verbs about a thing of others: the answer is the same as for what does not exist. ``OWN`` are verbs about oneself.
``OPEN`` are the verbs for which nobody has to sign in.
"""

from functools import cache
from typing import Any

from tests.certificates import issue
from tests.journeys.two_organizations import CONNECTION, FORM, NEVER_GIVEN_OUT, TERMS, document, public_key


def certificate() -> str:
    """Return a client certificate that nobody has registered."""
    return issue().pem


@cache
def _certificate() -> str:
    return certificate()


_CONNECTION_REQUEST = {"requestId": "$connection_request"}
_SCOPE = {"side": "ORGANIZATION", "organizationId": "$organization", "kinds": ["CERTIFICATE"]}
_STARTED = {"title": "Mine", "reason": "Mine.", "dueAt": "2030-01-01T00:00:00Z"}
_STEP = {"party": "PROVIDER", "stage": 1, "dueDays": 1}
NAMES = [{"language": "EN", "name": "Mine"}]
PAGE = [{"language": "EN", "markdown": "Mine."}]
# (verb, the thing in question, the input); ids of the world stand behind "$".
FOREIGN: list[tuple[str, str, dict[str, Any]]] = [
    ("renameOrganization", "organization", {"organizationId": "$organization", "name": "Taken over"}),
    ("deleteOrganization", "organization", {"organizationId": "$organization", "name": "Of owner"}),
    ("transferOwnership", "organization", {"organizationId": "$organization", "userId": "$user"}),
    ("transferOwnership", "user", {"organizationId": "$own_organization", "userId": "$user"}),
    ("changeOwner", "organization", {"organizationId": "$organization", "userId": "$user"}),
    ("leaveOrganization", "organization", {"organizationId": "$organization"}),
    ("inviteMember", "organization", {"organizationId": "$organization", "email": "x@strangers.example", "role": "OBSERVER"}),
    ("resendInvitation", "invitation", {"invitationId": "$invitation"}),
    ("revokeInvitation", "invitation", {"invitationId": "$invitation"}),
    ("acceptInvitation", "invitation", {"invitationId": "$invitation"}),
    ("acceptInvitation", "invitation_token", {"token": "$invitation_token"}),
    ("declineInvitation", "invitation", {"invitationId": "$invitation"}),
    ("changeRole", "organization", {"organizationId": "$organization", "userId": "$user", "role": "OBSERVER"}),
    ("changeRole", "user", {"organizationId": "$own_organization", "userId": "$user", "role": "OBSERVER"}),
    ("removeMember", "organization", {"organizationId": "$organization", "userId": "$user"}),
    ("removeMember", "user", {"organizationId": "$own_organization", "userId": "$user"}),
    ("createApplication", "organization", {"organizationId": "$organization", "name": "Mine"}),
    ("changeApplication", "application", {"applicationId": "$application", "name": "Mine"}),
    ("deleteApplication", "application", {"applicationId": "$application"}),
    ("rotateSecret", "application", {"applicationId": "$application"}),
    ("issueSecret", "application", {"applicationId": "$application"}),
    ("retireSecret", "application", {"applicationId": "$application", "secretId": "$secret"}),
    *(
        (
            "tryOperation",
            name,
            {"applicationId": f"${application}", "versionId": f"${version}", "operationId": f"${operation}"},
        )
        for name, application, version, operation in (
            ("application", "application", "public_version", "public_operation"),
            ("version", "own_application", "version", "operation"),
        )
    ),
    ("registerClientKey", "application", {"applicationId": "$application", "jwk": public_key()}),
    ("removeClientKey", "client_key", {"clientKeyId": "$client_key"}),
    ("registerCertificate", "application", {"applicationId": "$application", "pem": _certificate()}),
    ("registerCertificate", "organization", {"organizationId": "$organization", "pem": _certificate()}),
    ("draftOnboardingRequest", "organization", {"organizationId": "$organization", "form": FORM}),
    ("changeOnboardingRequest", "request", {"requestId": "$request", "form": FORM}),
    ("attachSignedDocument", "request", {"requestId": "$request", "fileId": f"fil_{NEVER_GIVEN_OUT}"}),
    ("removeSignedDocument", "request", {"requestId": "$request", "fileId": f"fil_{NEVER_GIVEN_OUT}"}),
    ("submitOnboardingRequest", "request", {"requestId": "$request"}),
    ("withdrawOnboardingRequest", "request", {"requestId": "$request"}),
    ("takeOnboardingRequest", "request", {"requestId": "$request"}),
    ("returnOnboardingRequest", "request", {"requestId": "$request", "reasons": [{"part": "PURPOSE", "message": "No."}]}),
    ("rejectOnboardingRequest", "request", {"requestId": "$request", "reason": "No."}),
    ("approveOnboardingRequest", "request", {"requestId": "$request"}),
    ("grantPlatformRole", "user", {"userId": "$user", "role": "SUPPORT"}),
    ("grantPlatformRole", "email", {"email": "$email", "role": "OPERATOR_ADMINISTRATOR"}),
    ("withdrawPlatformRole", "user", {"userId": "$user", "role": "OPERATOR_ADMINISTRATOR"}),
    ("replayDeadLetter", "organization", {"queue": "subscriptions.remember_member", "id": "$organization"}),
    ("discardDeadLetter", "organization", {"queue": "subscriptions.remember_member", "id": "$organization", "reason": "No."}),
    ("revokeCertificate", "certificate", {"certificateId": "$certificate"}),
    ("endSession", "session", {"sessionId": "$session"}),
    ("grantProviderStanding", "organization", {"organizationId": "$organization"}),
    ("withdrawProviderStanding", "organization", {"organizationId": "$organization"}),
    ("createProduct", "organization", {"organizationId": "$organization", "title": "Mine"}),
    ("changeProduct", "product", {"productId": "$product", "title": "Mine"}),
    ("changeProduct", "public_product", {"productId": "$public_product", "title": "Mine"}),
    ("createCategory", "category", {"slug": "mine", "names": NAMES, "parentId": "$category"}),
    ("changeCategory", "category", {"categoryId": "$category", "slug": "mine", "names": NAMES}),
    ("removeCategory", "category", {"categoryId": "$category"}),
    ("writeGuidance", "product", {"step": "A7", "productId": "$product", "texts": PAGE}),
    ("writeGuidance", "public_product", {"step": "A7", "productId": "$public_product", "texts": PAGE}),
    ("removeGuidance", "product", {"step": "A7", "productId": "$product"}),
    ("removeGuidance", "public_product", {"step": "A7", "productId": "$public_product"}),
    ("importApi", "product", {"productId": "$product", "document": document("mine")}),
    ("importApi", "product", {"productId": "$product", "document": "{ not a document"}),
    ("importApi", "product", {"productId": "$product", "url": "https://127.0.0.1/"}),
    ("importApi", "public_product", {"productId": "$public_product", "document": document("mine")}),
    ("createPlan", "product", {"productId": "$product", **TERMS}),
    ("changePlan", "plan", {"planId": "$plan", **TERMS}),
    ("withdrawPlan", "plan", {"planId": "$plan"}),
    ("withdrawPlan", "public_plan", {"planId": "$public_plan"}),
    ("changePlan", "public_plan", {"planId": "$public_plan", **TERMS}),
    ("publishVersion", "version", {"versionId": "$version"}),
    ("publishVersion", "public_version", {"versionId": "$public_version"}),
    ("setUpstream", "version", {"versionId": "$version", "url": "https://api.strangers.example"}),
    ("setUpstream", "version", {"versionId": "$version", "url": "https://127.0.0.1"}),
    ("setUpstream", "public_version", {"versionId": "$public_version", "url": "https://api.strangers.example"}),
    *(
        (verb, name, {"versionId": f"${name}", **more})
        for verb, more in (
            ("deprecateVersion", {"sunsetAt": "2030-01-01T00:00:00Z"}),
            ("undeprecateVersion", {}),
            ("retireVersion", {"despiteTraffic": "No."}),
            ("deleteVersion", {}),
        )
        for name in ("version", "public_version")
    ),
    ("acknowledgeRetirement", "organization", {"versionId": "$public_version", "organizationId": "$organization"}),
    ("acknowledgeRetirement", "version", {"versionId": "$version", "organizationId": "$own_organization"}),
    *(
        (
            "requestPermission",
            name,
            {"applicationId": f"${application}", "productId": f"${product}", "purpose": "x", "legalBasis": "x"},
        )
        for name, application, product in (
            ("application", "application", "public_product"),
            ("product", "own_application", "product"),
        )
    ),
    ("changePermissionRequest", "permission", {"permissionId": "$permission", "purpose": "Mine."}),
    ("withdrawPermissionRequest", "permission", {"permissionId": "$permission"}),
    ("grantPermission", "permission", {"permissionId": "$permission"}),
    ("grantPermissionTo", "product", {"clientId": "x", "productId": "$product"}),
    ("grantPermissionTo", "public_product", {"clientId": "x", "productId": "$public_product"}),
    ("refusePermission", "permission", {"permissionId": "$permission", "reason": "No."}),
    ("returnPermission", "permission", {"permissionId": "$permission", "question": "What for?"}),
    ("revokePermission", "permission", {"permissionId": "$permission", "reason": "No more."}),
    ("extendPermission", "permission", {"permissionId": "$permission", "validTo": None}),
    *(
        ("subscribe", name, {"applicationId": f"${application}", "productId": f"${product}", "planId": f"${plan}"})
        for name, application, product, plan in (
            ("application", "application", "public_product", "public_plan"),
            ("product", "own_application", "product", "public_plan"),
            ("plan", "own_application", "public_product", "plan"),
        )
    ),
    *(
        (
            verb,
            name,
            {**CONNECTION, "organizationId": f"${organization}", "productId": f"${product}", "applicationIds": ["app_x"]},
        )
        for verb in ("draftConnectionRequest", "fileConnectionRequest")
        for name, organization, product in (
            ("organization", "organization", "confidential_product"),
            ("product", "own_organization", "product"),
        )
    ),
    ("changeConnectionRequest", "connection_request", {**_CONNECTION_REQUEST, **CONNECTION, "applicationIds": ["app_x"]}),
    ("submitConnectionRequest", "connection_request", _CONNECTION_REQUEST),
    ("withdrawConnectionRequest", "connection_request", _CONNECTION_REQUEST),
    ("assignRepresentative", "connection_request", {**_CONNECTION_REQUEST, "userId": "$user"}),
    ("takeConnectionRequest", "connection_request", _CONNECTION_REQUEST),
    ("requestDocument", "connection_request", {**_CONNECTION_REQUEST, "kind": "NDA"}),
    ("returnConnectionRequest", "connection_request", {**_CONNECTION_REQUEST, "reasons": ["No."]}),
    ("rejectConnectionRequest", "connection_request", {**_CONNECTION_REQUEST, "reason": "No."}),
    ("completeConnectionRequest", "connection_request", _CONNECTION_REQUEST),
    ("setRequiredDocuments", "confidential_product", {"productId": "$confidential_product", "kinds": ["NDA"]}),
    ("setRequiredDocuments", "product", {"productId": "$product", "kinds": ["NDA"]}),
    ("setApprovalChain", "confidential_product", {"productId": "$confidential_product", "steps": [_STEP]}),
    ("attachAgreement", "agreement", {"agreementId": "$agreement", "fileId": f"fil_{NEVER_GIVEN_OUT}"}),
    ("countersignAgreement", "agreement", {"agreementId": "$agreement", "fileId": f"fil_{NEVER_GIVEN_OUT}"}),
    ("confirmAgreement", "agreement", {"agreementId": "$agreement", "validFrom": "2030-01-01T00:00:00Z"}),
    ("returnAgreement", "agreement", {"agreementId": "$agreement", "reason": "No."}),
    ("renewAgreement", "agreement", {"agreementId": "$agreement"}),
    ("decideApprovalStep", "step", {"stepId": "$step", "decision": "APPROVE"}),
    ("substituteApprover", "step", {"stepId": "$step", "userId": "$user"}),
    ("withdrawSubstitute", "step", {"stepId": "$step", "userId": "$user"}),
    ("openSupportRequest", "organization", {"organizationId": "$organization", "subject": "x", "text": "x"}),
    *(
        ("openSupportRequest", name, {"organizationId": "$own_organization", "subject": "x", "text": "x", "about": f"${name}"})
        for name in ("application", "product", "subscription", "permission", "certificate")
    ),
    *(
        (verb, "support_request", {"requestId": "$support_request", **more})
        for verb, more in (
            ("replySupportRequest", {"text": "x"}),
            ("noteSupportRequest", {"text": "x"}),
            ("takeSupportRequest", {}),
            ("handOverSupportRequest", {"userId": "$user"}),
            ("prioritizeSupportRequest", {"priority": "HIGH"}),
            ("involveProvider", {}),
            ("solveSupportRequest", {}),
            ("closeSupportRequest", {}),
        )
    ),
    ("previewCampaign", "organization", _SCOPE),
    ("startCampaign", "organization", {**_SCOPE, **_STARTED}),
    ("cancelCampaign", "campaign", {"campaignId": "$campaign"}),
    ("changeCampaignDueDate", "campaign", {"campaignId": "$campaign", "dueAt": "2030-01-01T00:00:00Z"}),
    ("confirmItems", "item", {"itemIds": ["<it>"]}),
    ("giveUpItems", "item", {"itemIds": ["<it>"]}),
    ("markRead", "notice", {"noticeIds": ["<it>"]}),
    ("changeNoticePreference", "organization", {"organizationId": "$organization", "mail": False}),
    ("approveSubscription", "subscription", {"subscriptionId": "$subscription"}),
    ("rejectSubscription", "subscription", {"subscriptionId": "$subscription", "reason": "No."}),
    ("cancelSubscription", "subscription", {"subscriptionId": "$subscription"}),
    ("endSubscription", "subscription", {"subscriptionId": "$subscription", "reason": "No."}),
    ("suspendSubscription", "subscription", {"subscriptionId": "$subscription", "reason": "No."}),
    ("resumeSubscription", "subscription", {"subscriptionId": "$subscription"}),
    ("previewPlanChange", "subscription", {"subscriptionId": "$subscription", "planId": "$public_plan_by_provider"}),
    ("changeSubscriptionPlan", "subscription", {"subscriptionId": "$subscription", "planId": "$public_plan_by_provider"}),
    ("approvePlanChange", "subscription", {"subscriptionId": "$subscription"}),
    ("rejectPlanChange", "subscription", {"subscriptionId": "$subscription", "reason": "No."}),
    ("withdrawPlanChange", "subscription", {"subscriptionId": "$subscription"}),
    ("createWebhook", "organization", {"organizationId": "$organization", "url": "https://x.example/", "eventTypes": ["*"]}),
    ("changeWebhook", "webhook", {"webhookId": "$webhook", "url": "https://x.example/"}),
    ("deleteWebhook", "webhook", {"webhookId": "$webhook"}),
    ("rotateWebhookSecret", "webhook", {"webhookId": "$webhook"}),
    ("enableWebhook", "webhook", {"webhookId": "$webhook"}),
    ("disableWebhook", "webhook", {"webhookId": "$webhook"}),
    ("sendTestEvent", "webhook", {"webhookId": "$webhook"}),
    ("redeliver", "webhook", {"webhookId": "$webhook", "givenUpSince": "2026-01-01T00:00:00Z"}),
]
_RECORDED = {"channel": "PAPER", "receivedAt": "2026-01-01T00:00:00Z", "fileId": f"fil_{NEVER_GIVEN_OUT}", "language": "LV"}
# (verb, the input, or None where it takes none): nobody is told to sign in first.
OWN: list[tuple[str, dict[str, Any] | None]] = [
    ("markRead", {"all": True}),
    ("changeNoticePreference", {"topic": "VERSIONS", "mail": False}),
    ("signOut", None),
    ("createOrganization", {"name": "Mine"}),
    ("changeProfile", {"name": "Me"}),
    ("reauthenticate", {"password": "x"}),
    ("enrolTotp", {"name": "Mine"}),
    ("confirmTotp", {"factorId": f"fac_{NEVER_GIVEN_OUT}", "code": "000000"}),
    ("beginPasskeyRegistration", None),
    ("registerPasskey", {"challenge": "x", "credential": "{}", "name": "Mine"}),
    ("renewRecoveryCodes", None),
    ("removeFactor", {"factorId": f"fac_{NEVER_GIVEN_OUT}"}),
    ("linkOpenId", {"provider": "x"}),
    ("unlinkOpenId", {"provider": "x"}),
    ("endOtherSessions", None),
    ("changePassword", {"currentPassword": "x", "password": "a long walk by another river"}),
    ("requestEmailChange", {"newEmail": "x@strangers.example", "password": "x"}),
    ("exportMyData", {"password": "x"}),
    ("eraseMyAccount", {"password": "x"}),
    ("recordOnboardingRequest", {**_RECORDED, "form": FORM}),
]
OPEN = {
    *("register", "verifyEmail", "signIn", "answerSecondFactor", "beginPasskeySignIn", "signInWithPasskey"),
    *("beginOpenIdSignIn", "finishOpenIdSignIn", "requestPasswordReset", "resetPassword", "setPassword", "confirmEmailChange"),
}
# The code that a stranger gets, where it is not NOT_FOUND.
CODES = {
    **dict.fromkeys(("grantProviderStanding", "withdrawProviderStanding", "takeOnboardingRequest"), "OPERATOR_ONLY"),
    **dict.fromkeys(("grantPlatformRole", "withdrawPlatformRole"), "OPERATOR_ONLY"),
    **dict.fromkeys(("replayDeadLetter", "discardDeadLetter"), "OPERATOR_ONLY"),
    **dict.fromkeys(("returnOnboardingRequest", "rejectOnboardingRequest", "approveOnboardingRequest"), "OPERATOR_ONLY"),
    **dict.fromkeys(("createCategory", "changeCategory", "removeCategory"), "OPERATOR_ONLY"),
    "endSession": "NO_SUCH_SESSION",
    "acceptInvitation": "NO_SUCH_INVITATION",
    "markRead": "NO_SUCH_NOTICE",
    "changeNoticePreference": "NO_SUCH_MEMBERSHIP",
    "declineInvitation": "NO_SUCH_INVITATION",
}
