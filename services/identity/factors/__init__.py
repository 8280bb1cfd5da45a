"""Factors: what proves who somebody is beside a password: one-time codes, recovery codes, passkeys."""
