"""Guidance: the pages that lead people through the steps of both procedures, and what a product's provider adds."""
