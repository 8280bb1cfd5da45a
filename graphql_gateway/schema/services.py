"""The services that the graph asks, by the names under which they are called."""

ANALYTICS = "analytics"
CATALOG = "catalog"
IDENTITY = "identity"
SUBSCRIPTIONS = "subscriptions"
