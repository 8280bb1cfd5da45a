"""Finding: searching what is public, in three languages, and counting what was found. Reads alone."""
