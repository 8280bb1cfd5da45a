"""Members of a fleet: proxies on other machines that ask for their configuration (xDS)."""
