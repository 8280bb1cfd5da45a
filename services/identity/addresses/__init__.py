"""Addresses: how somebody's e-mail address becomes another one."""
