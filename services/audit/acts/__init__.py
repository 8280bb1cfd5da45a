"""Acts: what was done and what was refused, one chain of entries for each organization and one for the platform itself."""
