"""The services that the graph asks, by the names under which they are called."""

from graphql_gateway import gathering, trying

ANALYTICS = "analytics"
AUDIT = "audit"
CATALOG = "catalog"
ENFORCEMENT = "enforcement"
EVERY = gathering.EVERY
"""No service by itself: what is asked of it is asked of each, and their pages become one; see `graphql_gateway.gathering`."""
IDENTITY = "identity"
NOTIFICATIONS = "notifications"
RECERTIFICATION = "recertification"
SUBSCRIPTIONS = "subscriptions"
TRYING = trying.TRYING
"""No service by itself: several have a part in it, one after the other; see `graphql_gateway.trying`."""
