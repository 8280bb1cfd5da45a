"""Signed containers: ASiC-E with XAdES (ETSI EN 319 162-1, EN 319 132-1), which Latvian eDoc files are."""
