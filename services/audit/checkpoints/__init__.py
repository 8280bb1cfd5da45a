"""Checkpoints: how far every chain goes, signed, so that what was written before cannot be changed by whoever lacks the key."""
