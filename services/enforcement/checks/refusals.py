"""Why a call does not pass: what the check refuses, in the order of the chain that it goes through."""

from chassis.errors import Forbidden, NotFound, TooMany, Unauthenticated, Unavailable


class TokenMissing(Unauthenticated):
    """Send an access token in the header Authorization, as Bearer."""


class TokenInvalid(Unauthenticated):
    """The access token is not one that this platform issued for its APIs."""


class TokenExpired(Unauthenticated):
    """The access token has expired; get a new one."""


class ApplicationUnknown(Unauthenticated):
    """The application that the token was issued to is not registered any more."""


class SecretRetired(Unauthenticated):
    """The client secret that obtained this token has been retired; get a token with the new one."""


class ClientKeyRemoved(Unauthenticated):
    """The key that obtained this token has been removed; get a token with the new one."""


class CertificateRevoked(Unauthenticated):
    """The client certificate that this token rests on has been revoked; get a token with the new one."""


class CertificateSuspended(Unauthenticated):
    """The client certificate that this token rests on is suspended until its organization confirms that it is needed."""


class TokenRevoked(Unauthenticated):
    """The access token has been revoked; get a new one."""


class CertificateNotShown(Unauthenticated):
    """The access token is bound to a client certificate: call with that certificate (mutual TLS)."""


class ApiNotFound(NotFound):
    """No published API is at this path."""


class OperationNotFound(NotFound):
    """The API has no operation at this path."""


class MethodNotAllowed(NotFound):
    """The API has no operation with this method at this path."""

    status = 405


class VersionRetired(NotFound):
    """This version of the API is retired and cannot be called any more."""

    status = 410


class NotSubscribed(Forbidden):
    """The application has no active subscription to this product."""


class SubscriptionSuspended(Forbidden):
    """The application's subscription to this product is suspended."""


class OperationNotPermitted(Forbidden):
    """The provider has not permitted the application to call this operation now."""


class ScopeNotGranted(Forbidden):
    """The access token was issued for other products or operations; get one whose scope names this one."""


class RateExceeded(TooMany):
    """The plan's rate is used up; wait and try again."""


class QuotaExceeded(TooMany):
    """The plan's quota for this period is used up."""


class PermissionQuotaExceeded(TooMany):
    """The quota of the provider's permission for this period is used up."""


class CallNotCounted(Unavailable):
    """The call could not be counted against its limits just now; try again."""
