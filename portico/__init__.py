"""The whole platform in one process, and the command line."""
