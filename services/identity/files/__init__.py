"""Files: what people upload, kept until it hangs on something, or lapses."""
