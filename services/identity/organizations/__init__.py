"""Organizations: in which every action happens; who owns them, who stands how in them, what each role may do."""
