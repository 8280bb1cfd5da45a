"""Findings: what was found out about the signatures of files, examined outside of any transaction and kept by file."""
