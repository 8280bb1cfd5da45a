"""Members: who belongs to an organization, in which role, and how one leaves."""
