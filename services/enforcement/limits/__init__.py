"""How often and how many: rates, quotas, and how they are counted and kept."""
