"""The proxy in front of the APIs: its configuration, its routes, its own counters."""
