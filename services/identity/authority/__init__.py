"""Authority: the passports that say who asks with which rights, and the permits that say what somebody may do."""
