"""Callers: who is subscribed to what, who has agreed to it, and which version was called how often; as others announced it."""
