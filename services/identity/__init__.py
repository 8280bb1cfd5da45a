"""Identity: who somebody is, in which organizations, with which role, and which applications may ask for tokens.

The nouns stand in one order, and imports go down in it: authority and tokens, applications, welcome, organizations,
accounts, mail.
"""
