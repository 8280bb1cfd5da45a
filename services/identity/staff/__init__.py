"""The staff of the operator: who holds which role on the platform itself, granted by an administrator of the operator."""
