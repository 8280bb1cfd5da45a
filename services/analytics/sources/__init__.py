"""Sources: the data planes that report calls, and how far what they reported is whole."""
