"""Documents: reading OpenAPI text, with the place of everything that cannot be used. Pure."""
