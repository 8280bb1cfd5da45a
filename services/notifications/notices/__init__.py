"""Notices: people are informed of what concerns them, from one table: in the inbox, and by mail where they like."""
