"""Signing in: from a proof (a password, a passkey, an outside provider) to a session, and what is done against guessing."""
