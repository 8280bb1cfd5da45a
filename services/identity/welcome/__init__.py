"""Welcome: what happens when an address is confirmed: there is an account, and an organization to try things in."""
