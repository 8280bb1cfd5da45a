"""What is used of quotas: for those who ask, and for those who are told when much of one is used."""
