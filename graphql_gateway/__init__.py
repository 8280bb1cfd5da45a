"""The GraphQL gateway: one graph over all services. It owns no rules and no data."""
