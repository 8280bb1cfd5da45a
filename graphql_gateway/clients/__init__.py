"""How the gateway speaks to services: batched loads and verbs, and identity's sessions."""
