"""Recertification: campaigns in which those who hold access confirm that they need it, or give it up."""
