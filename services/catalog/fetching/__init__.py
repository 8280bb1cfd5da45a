"""Fetching a document from an address that a provider gives, without becoming a way into networks that nobody may look into."""
