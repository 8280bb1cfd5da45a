"""Client keys: the public keys by which applications prove themselves (``private_key_jwt``)."""
