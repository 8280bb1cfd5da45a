"""Subscriptions: which application may call which product, on which plan."""
