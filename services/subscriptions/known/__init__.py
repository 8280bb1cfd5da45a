"""What others announced, as far as it is needed here: applications, organizations, products, versions, plans."""
