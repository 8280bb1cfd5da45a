"""Items: the things that a campaign is about, and what came of each."""
