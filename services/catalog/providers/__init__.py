"""Providers: organizations to which the operator has granted the standing of a data provider."""
