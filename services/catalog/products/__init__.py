"""Products: what is offered, with its plans, its APIs and their versions; browsing and searching them."""
