"""Tokens: the OAuth 2.0 authorization server, for programs that call APIs (the client credentials grant)."""
