"""Requirements: what stands between somebody and a successful call of a product."""
