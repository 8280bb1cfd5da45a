"""Onboarding: how an organization becomes a recipient of data, from its request to its data-exchange number."""
