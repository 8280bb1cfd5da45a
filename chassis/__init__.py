"""What every service stands on: how to speak, run, keep, and who asks. It knows none of the product's nouns."""
