"""Approvals: the chain of steps in which the parties decide on a connection request."""
