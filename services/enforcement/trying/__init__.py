"""Try it: one call of a published operation through the data plane, for a member, as one of their applications."""
