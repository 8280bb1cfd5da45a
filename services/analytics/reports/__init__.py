"""Reports: answering questions about usage."""
