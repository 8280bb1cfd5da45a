"""What subscriptions announces: the life of a subscription, from the request to its end."""

from pydantic import BaseModel

from chassis.messages import Event


class _Told(BaseModel):
    """What every one of these facts tells: whose application, on which plan of whose product, and how it stands now."""

    subscription_id: str
    application_id: str
    organization_id: str
    product_id: str
    plan_id: str
    provider_id: str
    status: str
    reason: str | None


class SubscriptionRequested(_Told, Event, service="subscriptions", version=1):
    """Somebody asked to subscribe an application to a plan."""


class SubscriptionActivated(_Told, Event, service="subscriptions", version=1):
    """The application may call the product from now on."""


class SubscriptionRejected(_Told, Event, service="subscriptions", version=1):
    """The provider has declined the request; ``reason`` says why."""


class SubscriptionCancelled(_Told, Event, service="subscriptions", version=1):
    """The application may not call the product any more, or will not need to be decided about."""
