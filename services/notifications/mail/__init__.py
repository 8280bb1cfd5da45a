"""Mails: written with the change that causes them, sealed while they wait, sent until the mail server has taken them."""
