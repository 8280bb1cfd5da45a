"""Entries: what finding has to know of each product, and the number of the latest change of it."""
