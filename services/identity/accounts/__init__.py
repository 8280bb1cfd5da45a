"""Accounts: users, their passwords and their sessions."""
