"""Roll-ups: calls counted by minute, hour and day."""
