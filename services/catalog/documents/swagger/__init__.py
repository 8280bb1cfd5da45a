"""Converting Swagger 2.0 into OpenAPI 3.0: a tree that keeps to the schema of the one into a tree of the other. Pure."""
