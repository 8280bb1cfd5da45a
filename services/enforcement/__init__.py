"""Enforcement: what the data plane asks (may this call pass, at what rate), and what it reports (the calls)."""
