"""The services: each a slice that imports the chassis and none of its neighbours."""
