"""Agreements: the signed documents between a recipient and a provider that a connection to a product rests on."""
