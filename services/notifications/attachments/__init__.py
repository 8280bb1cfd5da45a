"""Attachments: the files that hang on support requests, kept until they lapse or for good."""
