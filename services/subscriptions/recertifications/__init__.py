"""Recertifications: what was not confirmed in time, and so holds the subscriptions that rest on it."""
