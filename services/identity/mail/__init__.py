"""Mails: written with the change that causes them, sent afterwards, tried again until the mail server has taken them."""
