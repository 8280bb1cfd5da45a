"""What answers the calls of a version in production: the provider's own system."""
