"""Data exchanges: what onboarding gives an organization, with a number that no other ever had or gets."""
