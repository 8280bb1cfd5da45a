"""Support: requests for help, each with its thread, between those who ask, the operator and a provider who is drawn in."""
