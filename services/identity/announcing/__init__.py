"""Announcing what was never announced, or is another thing since the platform was started with other settings or tables."""
