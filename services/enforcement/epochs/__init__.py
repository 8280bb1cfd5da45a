"""Whether a change is in force: numbered, applied and acknowledged by every instance; and whether an instance is fresh."""
