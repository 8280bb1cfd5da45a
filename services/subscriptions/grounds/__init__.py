"""Grounds: what a subscription rests on beside its plan, and stops without."""
