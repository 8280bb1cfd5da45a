"""What was called: read from the proxy's access log and announced in numbered batches."""
