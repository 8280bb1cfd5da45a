"""Privacy: everything that is kept about a person, told to that person, and erased when they want it gone."""
