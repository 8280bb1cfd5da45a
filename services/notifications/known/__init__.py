"""What others announced, as far as it is needed here: people and how they are reached, who belongs where, what things are."""
