"""Permissions: the decision of a provider that one application may call operations of a product."""
