"""Calls: taking in what the data plane reports, exactly once."""
