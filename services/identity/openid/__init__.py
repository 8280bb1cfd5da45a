"""OpenID: the outside providers through which people may sign in, and which of their identities belong to whom."""
