"""Commands for those who run the platform: each module is one noun."""
