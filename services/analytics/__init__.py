"""Analytics: what is known about the calls that went through the data plane."""
