"""Winding up: what a deleted organization had is ended, batch by batch, whoever of the processes lives."""
