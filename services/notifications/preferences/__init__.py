"""Preferences: of which topics somebody is mailed, beside the inbox, which always keeps everything."""
