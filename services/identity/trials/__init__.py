"""Trials: a member has one operation called as one of the organization's applications, and a token for that call alone."""
