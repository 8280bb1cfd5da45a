"""Connection requests: how an organization comes to be connected to a product that asks for an agreement."""
