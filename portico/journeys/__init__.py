"""Journeys: both procedures, walked by foreign clients against the running platform and checked at every step."""
