"""Sessions: who is signed in, from where, since when, and by which proofs."""
