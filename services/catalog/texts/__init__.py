"""Texts in several languages: which languages there are, and which text is shown to whoever asks for one. Pure."""
