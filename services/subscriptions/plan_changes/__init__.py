"""Changes of plan: the same subscription goes over to another plan, at once, later, or once the provider agrees."""
