"""Client secrets: how they replace one another, when they end, and whether anybody still uses them."""
