"""Versions: importing an OpenAPI document as a draft, publishing it, reading its document and operations."""
