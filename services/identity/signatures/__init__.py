"""Signatures on documents: bytes in, a finding out. Nothing is fetched, nothing is kept."""
