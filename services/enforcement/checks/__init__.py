"""May this call pass: credentials, subscription, rate and quota, decided from memory."""
