"""Categories: the small tree into which the operator puts what is offered."""
