"""Campaigns: who asks whom to confirm what, until when."""
