"""How often subscriptions are used: calls that passed, counted by day, as far as they were announced."""
