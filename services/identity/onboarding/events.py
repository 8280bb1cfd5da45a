"""What identity announces of onboarding requests. What people wrote, and their addresses, only sealed."""

from chassis.messages import Event


class OnboardingSubmitted(Event, service="identity", version=1):
    """An organization asks to be onboarded, or asks again after a correction. ``channel`` is PORTAL, MAIL or PAPER.

    ``sealed_told`` says whom to write to and what beside the names: under the key that identity and notifications share, bound to
    the request's id, so that nobody else can read it.
    """

    request_id: str
    organization_id: str | None
    channel: str
    legal_name: str | None = None
    sealed_told: str | None = None


class OnboardingReturned(Event, service="identity", version=1):
    """An onboarding request went back for correction; the reasons stand in the request."""

    request_id: str
    organization_id: str | None
    legal_name: str | None = None
    sealed_told: str | None = None


class OnboardingApproved(Event, service="identity", version=1):
    """An organization is onboarded: it has its user, its data-exchange number and its certificate."""

    request_id: str
    organization_id: str
    number: str
    legal_name: str | None = None
    sealed_told: str | None = None


class OnboardingRejected(Event, service="identity", version=1):
    """An onboarding request was rejected; the reason stands in the request."""

    request_id: str
    organization_id: str | None
    legal_name: str | None = None
    sealed_told: str | None = None


class OnboardingWithdrawn(Event, service="identity", version=1):
    """An organization does not want to be onboarded after all."""

    request_id: str
    organization_id: str | None
