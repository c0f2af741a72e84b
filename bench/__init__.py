"""Davit measured beside its peers: run `make bench`."""
