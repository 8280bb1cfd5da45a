"""Invitations: the offer to become a member, sent to an address."""
