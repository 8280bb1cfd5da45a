"""Recertifications: which members and certificates were not confirmed in time."""
