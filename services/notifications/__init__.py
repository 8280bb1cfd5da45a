"""Notifications: what people and systems are told: portal inbox, mail, signed webhooks; and support requests."""
