"""nginx: its configuration, what it is to read anew, and whether it has."""
