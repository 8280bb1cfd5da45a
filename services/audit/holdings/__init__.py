"""Holdings: who held what, and from when until when: memberships, roles, applications, permissions, subscriptions."""
