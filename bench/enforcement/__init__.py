"""What enforcement promises, measured."""
