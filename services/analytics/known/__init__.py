"""What analytics knows of the things that calls are about: their names, and whose they are."""
