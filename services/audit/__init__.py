"""Audit: who did what, chained so that no entry can be edited, taken out or put in unseen; and who had access when."""
