"""Subscriptions: an application on a plan of a product."""
