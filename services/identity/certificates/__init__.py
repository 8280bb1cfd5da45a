"""Certificates: the X.509 client certificates that prove an organization's applications (RFC 8705)."""
