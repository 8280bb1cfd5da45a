"""Links: what a mail lets its reader do once, such as choosing a new password."""
