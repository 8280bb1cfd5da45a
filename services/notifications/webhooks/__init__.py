"""Webhooks: what happens to an organization is sent to addresses that it has named, signed, until they have taken it.

``domain`` and ``deliveries`` say what is true of webhooks and of what is sent to them, ``repository``, ``log`` and ``lanes`` how
it is kept; ``actions`` is what people do, ``telling`` what announcements and tries change; ``sender`` is the one who sends.
"""
