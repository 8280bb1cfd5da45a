"""The services that the graph asks, by the names under which they are called."""

ANALYTICS = "analytics"
AUDIT = "audit"
CATALOG = "catalog"
IDENTITY = "identity"
NOTIFICATIONS = "notifications"
RECERTIFICATION = "recertification"
SUBSCRIPTIONS = "subscriptions"
