"""Organizations: in which every action happens; their members, roles and invitations."""
